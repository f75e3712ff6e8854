#include "addon/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>

namespace tsoci::addon {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

RawMode::RawMode(int fd) : fd_(fd), is_terminal_(tcgetattr(fd, &saved_) == 0) { enter(); }

void RawMode::enter() const {
  if (!is_terminal_) return;
  termios raw = saved_;
  cfmakeraw(&raw);
  // Lines leave the container with a bare newline, so the caller's terminal still adds the return.
  raw.c_oflag = saved_.c_oflag;
  tcsetattr(fd_, TCSANOW, &raw);
}

RawMode::~RawMode() {
  if (!is_terminal_) return;
  // From the background this would stop us, with nobody to let us go on.
  sigset_t background_write;
  sigset_t previous;
  sigemptyset(&background_write);
  sigaddset(&background_write, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &background_write, &previous);
  tcsetattr(fd_, TCSADRAIN, &saved_);
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

namespace {

/// Copies the size of the caller's terminal: that of a standard stream, or when all are redirected
/// that of the session.
void copy_size(int master_fd) {
  UniqueFd session_terminal;
  int terminal_fd = -1;
  for (const int fd : {STDERR_FILENO, STDOUT_FILENO, STDIN_FILENO}) {
    if (isatty(fd) != 0) terminal_fd = fd;
  }
  if (terminal_fd < 0) {
    session_terminal.reset(open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
    terminal_fd = session_terminal.get();
  }
  winsize size;
  // A terminal that does not know its size says 0; the container's own is better then.
  if (terminal_fd < 0 || ioctl(terminal_fd, TIOCGWINSZ, &size) < 0) return;
  if (size.ws_row != 0 && size.ws_col != 0) ioctl(master_fd, TIOCSWINSZ, &size);
}

}  // namespace

Result<void> prepare_master(int master_fd) {
  // A user of the master reads bytes as the program wrote them: "\n" stays "\n", as with runc.
  termios attributes;
  if (tcgetattr(master_fd, &attributes) < 0)
    return Error::from_errno("tcgetattr", "console master");
  attributes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  if (tcsetattr(master_fd, TCSANOW, &attributes) < 0) {
    return Error::from_errno("tcsetattr", "console master");
  }
  copy_size(master_fd);
  return {};
}

Console::Console(int master_fd)
    : master_fd_(master_fd),
      input_(Stream::input(STDIN_FILENO), Stream::owned(master_fd)),
      output_(Stream::owned(master_fd), Stream::output(STDOUT_FILENO)),
      raw_mode_(STDIN_FILENO) {}

Result<std::unique_ptr<Console>> Console::attend(int master_fd) {
  // The master is ours alone, so its flags are too.
  if (fcntl(master_fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
    return Error::from_errno("fcntl", "O_NONBLOCK on the console master");
  }
  std::unique_ptr<Console> console(new Console(master_fd));
  console->resize();
  return console;
}

void Console::add_to(pollfd* polled) const {
  polled[0] = input_.readable();
  polled[1] = input_.writable();
  polled[2] = output_.readable();
  polled[3] = output_.writable();
}

void Console::copy(const pollfd* polled) {
  if (polled[0].revents != 0) input_.fill();
  if (polled[2].revents != 0) output_.fill();
  // Tried at once after a read: what does not go is waited for.
  input_.flush();
  output_.flush();
}

void Console::resize() const { copy_size(master_fd_); }

void Console::resume() const {
  raw_mode_.enter();
  resize();
}

std::optional<pollfd> Console::drain() {
  do {
    output_.flush();
    if (!output_.is_empty()) return output_.writable();
  } while (output_.fill());
  return std::nullopt;
}

}  // namespace tsoci::addon
