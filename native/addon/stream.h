// Bytes from one descriptor to another, by reads and writes of which none ever blocks.
#ifndef TSOCI_NATIVE_ADDON_STREAM_H_
#define TSOCI_NATIVE_ADDON_STREAM_H_

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>

#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

/// A descriptor, read or written without ever blocking. The flags of the caller's open file are
/// never changed: others have it too, and O_NONBLOCK would stay when we are killed.
class Stream {
 public:
  static Stream input(int fd);
  static Stream output(int fd);
  /// Of our own and non-blocking already.
  static Stream owned(int fd);

  int fd() const { return own_.is_open() ? own_.get() : fd_; }
  ssize_t read(void* buffer, size_t size) const;
  ssize_t write(const void* buffer, size_t size) const;
  /// Makes it live on when the caller closes its descriptor.
  sys::Result<void> keep();

 private:
  Stream(int fd, int access);
  bool is_ready(short events) const;

  int fd_;
  bool is_socket_ = false;
  /// An open file whose flags are not ours: asked before each call, which then is a small one.
  bool may_block_ = false;
  sys::UniqueFd own_;
};

/// True for the master of a terminal.
bool is_master(int fd);

/// Bytes on their way from one stream to another.
class Channel {
 public:
  Channel(Stream from, Stream to) : from_(std::move(from)), to_(std::move(to)) {}

  /// What to wait for; -1 for nothing.
  pollfd readable() const;
  pollfd writable() const;
  bool is_empty() const { return start_ == end_; }
  size_t pending_bytes() const { return end_ - start_; }
  int source() const { return from_.fd(); }
  /// Nothing will ever be read again.
  bool is_ended() const { return !from_open_; }
  /// Nothing can be written any more.
  bool is_sink_gone() const { return !to_open_; }
  /// The errno of the read or write that ended a side, when it was no ordinary end: no end of file,
  /// no terminal whose other side is closed, no reader that is gone. Otherwise 0.
  int read_error() const { return read_error_; }
  int write_error() const { return write_error_; }

  /// Reads what is there into the empty buffer. False when nothing came.
  bool fill();
  void flush();
  /// Gives up the sink, and what is on its way to it.
  void drop();
  /// Makes both sides live on when the caller closes its descriptors.
  sys::Result<void> keep();

 private:
  static constexpr size_t kBufferBytes = size_t{64} * 1024;
  void set_empty();

  Stream from_;
  Stream to_;
  bool from_open_ = true;
  bool to_open_ = true;
  int read_error_ = 0;
  int write_error_ = 0;
  size_t start_ = 0;
  size_t end_ = 0;
  /// There only while something is on its way.
  std::unique_ptr<char[]> buffer_;
};

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_STREAM_H_
