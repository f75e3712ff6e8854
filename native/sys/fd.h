// A file descriptor with one owner.
#ifndef TSOCI_NATIVE_SYS_FD_H_
#define TSOCI_NATIVE_SYS_FD_H_

#include <unistd.h>

#include <utility>

namespace tsoci::sys {

/// Owns a file descriptor and closes it. Every descriptor of ours is close-on-exec from birth.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    // A failed close still closes (close(2)); there is nothing to tell anyone.
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace tsoci::sys

#endif  // TSOCI_NATIVE_SYS_FD_H_
