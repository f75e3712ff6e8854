#include "addon/stream.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

namespace tsoci::addon {

using sys::Error;
using sys::Result;

namespace {

/// True where opening /proc/self/fd/N again gives the same pipe or terminal.
bool may_reopen(int fd, const struct stat& about) {
  if (S_ISFIFO(about.st_mode)) return true;
  // To open a master is to make a new terminal.
  return S_ISCHR(about.st_mode) && isatty(fd) != 0 && !is_master(fd);
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

/// A terminal whose other side is closed says EIO for end of file.
bool is_terminals_end(int fd, int number) { return number == EIO && isatty(fd) != 0; }

bool is_readers_end(int fd, int number) {
  return number == EPIPE || number == ECONNRESET || is_terminals_end(fd, number);
}

}  // namespace

bool is_master(int fd) {
  unsigned number;
  return ioctl(fd, TIOCGPTN, &number) == 0;
}

Stream::Stream(int fd, int access) : fd_(fd) {
  struct stat about;
  if (access < 0 || fstat(fd, &about) < 0) return;
  is_socket_ = S_ISSOCK(about.st_mode);
  // No file of a disk ever says that it would block, and none is asked.
  may_block_ = !is_socket_ && !S_ISREG(about.st_mode);
  if (!may_reopen(fd, about)) return;
  char path[32];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  // Where this is refused (a terminal of another user), we use the stream as it is, after poll.
  own_.reset(open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  may_block_ = !own_.is_open();
}

Stream Stream::input(int fd) { return Stream(fd, O_RDONLY); }
Stream Stream::output(int fd) { return Stream(fd, O_WRONLY); }
Stream Stream::owned(int fd) { return Stream(fd, -1); }

Result<void> Stream::keep() {
  if (own_.is_open()) return {};
  own_.reset(fcntl(fd_, F_DUPFD_CLOEXEC, 0));
  if (!own_.is_open()) return Error::from_errno("fcntl", "descriptor %d", fd_);
  return {};
}

bool Stream::is_ready(short events) const {
  pollfd polled{fd(), events, 0};
  if (poll(&polled, 1, 0) > 0) return true;
  errno = EAGAIN;
  return false;
}

ssize_t Stream::read(void* buffer, size_t size) const {
  if (is_socket_) return recv(fd(), buffer, size, MSG_DONTWAIT);
  if (may_block_ && !is_ready(POLLIN)) return -1;
  return ::read(fd(), buffer, size);
}

ssize_t Stream::write(const void* buffer, size_t size) const {
  if (is_socket_) return send(fd(), buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (!may_block_) return ::write(fd(), buffer, size);
  if (!is_ready(POLLOUT)) return -1;
  // A pipe that is ready has room for so much.
  return ::write(fd(), buffer, std::min<size_t>(size, PIPE_BUF));
}

pollfd Channel::readable() const { return {from_open_ && is_empty() ? from_.fd() : -1, POLLIN, 0}; }

pollfd Channel::writable() const { return {is_empty() ? -1 : to_.fd(), POLLOUT, 0}; }

Result<void> Channel::keep() {
  TRY_VOID(from_.keep());
  return to_.keep();
}

void Channel::set_empty() {
  start_ = end_ = 0;
  buffer_.reset();
}

bool Channel::fill() {
  if (!from_open_ || !is_empty()) return false;
  if (!buffer_) buffer_.reset(new char[kBufferBytes]);
  // A terminal gives a page at most at a time.
  while (from_open_ && end_ < kBufferBytes) {
    const ssize_t count = from_.read(buffer_.get() + end_, kBufferBytes - end_);
    if (count > 0) {
      end_ += static_cast<size_t>(count);
    } else if (count == 0 || !would_block()) {
      const int number = count == 0 ? 0 : errno;
      from_open_ = false;
      if (!is_terminals_end(from_.fd(), number)) read_error_ = number;
    } else {
      break;
    }
  }
  const bool came = end_ > 0;
  // Who reads for a sink that is gone goes on reading, or the container would block for ever.
  if (!came || !to_open_) set_empty();
  return came;
}

void Channel::flush() {
  if (is_empty()) return;
  const ssize_t count = to_.write(buffer_.get() + start_, end_ - start_);
  if (count >= 0) {
    start_ += static_cast<size_t>(count);
  } else if (!would_block()) {
    const int number = errno;
    to_open_ = false;
    if (!is_readers_end(to_.fd(), number)) write_error_ = number;
    start_ = end_;
  }
  if (is_empty()) set_empty();
}

void Channel::drop() {
  to_open_ = false;
  set_empty();
}

}  // namespace tsoci::addon
