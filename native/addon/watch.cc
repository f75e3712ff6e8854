// Waiting for what the kernel tells of a cgroup: inotify(7) for the files of v2, eventfd(2) for v1.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {

using sys::Error;

Napi::Value watch_file(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  sys::UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.is_open()) return throw_error(info.Env(), Error::from_errno("inotify_init1"));
  if (inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) < 0) {
    return throw_error(info.Env(), Error::from_errno("inotify_add_watch", "%s", path.c_str()));
  }
  return Napi::Number::New(info.Env(), watch.release());
}

Napi::Value open_eventfd(const Napi::CallbackInfo& info) {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return throw_error(info.Env(), Error::from_errno("eventfd"));
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value wait_readable(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::vector<int> fds = request.numbers("fds");
  const int timeout_ms = static_cast<int>(request.number("timeoutMs"));
  if (!request.ok()) return info.Env().Undefined();
  std::vector<pollfd> waits;
  for (const int fd : fds) waits.push_back(pollfd{fd, POLLIN, 0});
  // Not again after a signal: it would wait from the beginning, and the caller knows its deadline.
  if (poll(waits.data(), waits.size(), timeout_ms) < 0 && errno != EINTR) {
    return throw_error(info.Env(), Error::from_errno("poll"));
  }
  Napi::Array ready = Napi::Array::New(info.Env());
  for (const pollfd& wait : waits) {
    if (wait.revents != 0) ready.Set(ready.Length(), Napi::Number::New(info.Env(), wait.fd));
  }
  return ready;
}

Napi::Value drain(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  if (!request.ok()) return info.Env().Undefined();
  alignas(inotify_event) std::array<char, 4096> buffer;
  while (sys::retry_eintr([&] { return read(fd, buffer.data(), buffer.size()); }) > 0) {
  }
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
