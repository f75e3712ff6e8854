// The terminal of a foreground container: the caller's in raw mode, and the bytes between the two.
#ifndef TSOCI_NATIVE_ADDON_TERMINAL_H_
#define TSOCI_NATIVE_ADDON_TERMINAL_H_

#include <poll.h>
#include <termios.h>

#include <memory>
#include <optional>

#include "addon/stream.h"
#include "sys/result.h"

namespace tsoci::addon {

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
