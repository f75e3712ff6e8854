// The terminal of a foreground container: the caller's in raw mode, and the bytes between the two.
#ifndef TSOCI_NATIVE_ADDON_TERMINAL_H_
#define TSOCI_NATIVE_ADDON_TERMINAL_H_

#include <poll.h>
#include <sys/types.h>
#include <termios.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>

#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

/// A standard stream of the caller, read or written without ever blocking. The flags of the
/// caller's open file are never changed: others have it too, and O_NONBLOCK would stay when we are
/// killed.
class Stream {
 public:
  static Stream input(int fd);
  static Stream output(int fd);
  /// Of our own and non-blocking already.
  static Stream owned(int fd);

  int fd() const { return reopened_.is_open() ? reopened_.get() : fd_; }
  ssize_t read(void* buffer, size_t size) const;
  ssize_t write(const void* buffer, size_t size) const;

 private:
  Stream(int fd, int access);
  int fd_;
  bool is_socket_ = false;
  sys::UniqueFd reopened_;
};

/// Bytes on their way from one stream to another.
class Channel {
 public:
  Channel(Stream from, Stream to) : from_(std::move(from)), to_(std::move(to)) {}

  /// What to wait for; -1 for nothing.
  pollfd readable() const;
  pollfd writable() const;
  bool is_empty() const { return start_ == end_; }
  /// Nothing will ever be read again.
  bool is_ended() const { return !from_open_; }

  /// Reads once into the empty buffer. False when nothing came.
  bool fill();
  void flush();

 private:
  static constexpr size_t kBufferBytes = 16 * 1024;
  Stream from_;
  Stream to_;
  bool from_open_ = true;
  bool to_open_ = true;
  size_t start_ = 0;
  size_t end_ = 0;
  std::array<char, kBufferBytes> buffer_;
};

/// Raw mode on a terminal of the caller, for as long as this object lives.
class RawMode {
 public:
  explicit RawMode(int fd);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  /// Again, after the shell had the terminal while we were stopped.
  void enter() const;

 private:
  int fd_;
  bool is_terminal_;
  termios saved_;
};

/// Readies the master of a foreground container, before its program can write the first byte: bare
/// newlines, and the size of the caller's terminal.
sys::Result<void> prepare_master(int master_fd);

/// A container's terminal, attended: our standard input and output are copied to and from its
/// master.
class Console {
 public:
  static constexpr size_t kPolled = 4;

  static sys::Result<std::unique_ptr<Console>> attend(int master_fd);

  void add_to(pollfd* polled) const;
  void copy(const pollfd* polled);
  /// Copies the size of the caller's terminal.
  void resize() const;
  /// After SIGCONT.
  void resume() const;
  /// Once the program has ended: takes what is left. Answers what to wait for until it is out, or
  /// nothing when all is.
  std::optional<pollfd> drain();

 private:
  explicit Console(int master_fd);
  int master_fd_;
  Channel input_;
  Channel output_;
  RawMode raw_mode_;
};

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_TERMINAL_H_
