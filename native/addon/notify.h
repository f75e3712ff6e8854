// The runtime's part in sd_notify(3): a container says that it is ready, the service manager hears
// it from us.
#ifndef TSOCI_NATIVE_ADDON_NOTIFY_H_
#define TSOCI_NATIVE_ADDON_NOTIFY_H_

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

/// Passes on that the program is ready, once, and nothing else: what the manager believes of a
/// service is not for a container to say.
class ReadyRelay {
 public:
  /// `notify_fd` is the container's socket, `host_fd` is connected to the manager's; both belong to
  /// the caller. `main_pid` is the process that the manager is to watch from then on.
  ReadyRelay(int notify_fd, int host_fd, pid_t main_pid)
      : notify_fd_(notify_fd), host_fd_(host_fd), main_pid_(main_pid) {}

  pollfd readable() const { return {notify_fd_, POLLIN, 0}; }
  bool is_told() const { return is_told_; }

  /// Reads what the container has sent, without blocking, and tells the manager of READY=1. After
  /// that it is read all the same: a sender waits as long as the queue is full, and its barrier
  /// (sd_notify_barrier(3)) is answered by being read.
  sys::Result<void> take();

  /// What to wait for until the manager has taken note, and how long at most; nothing when it has,
  /// or was told nothing. Before that nobody may end who is a process of the service: a manager
  /// that reads a message of a process that is gone cannot tell whose it was.
  std::optional<pollfd> unanswered() const;
  int remaining_ms() const;

 private:
  sys::Result<void> tell_manager();
  sys::Result<void> send(std::string_view text) const;
  sys::Result<void> send_barrier();

  int notify_fd_;
  int host_fd_;
  pid_t main_pid_;
  bool is_told_ = false;
  sys::UniqueFd barrier_;
  int64_t deadline_ms_ = 0;
};

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_NOTIFY_H_
