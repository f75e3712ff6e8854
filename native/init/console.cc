// The container's terminal. Both of its ends are taken from the container's devpts by descriptor: a
// name like /dev/pts/0 is whatever the image or another process made of it (CVE-2025-52565).
#include <sys/ioctl.h>
#include <termios.h>

#include "init/attach.h"

namespace tsoci::init {
namespace {

struct Terminal {
  UniqueFd master;
  UniqueFd slave;
};

Result<void> expect_ptmx(int fd) {
  constexpr uint64_t kPtmxInode = 2;
  const uint32_t magic = TRY(sys::filesystem_magic(fd));
  const struct statx found = TRY(sys::look_at(fd));
  const bool genuine = magic == DEVPTS_SUPER_MAGIC && found.stx_ino == kPtmxInode &&
                       sys::is_device(found, S_IFCHR, 5, 2);
  if (genuine) return {};
  return Error::refusal(
      "\"/dev/pts/ptmx\" is on file system 0x%x with number %u:%u, and must be "
      "character device 5:2 of a devpts",
      magic, found.stx_rdev_major, found.stx_rdev_minor);
}

Result<Terminal> open_terminal(const Context& context) {
  constexpr char kPtmx[] = "/dev/pts/ptmx";
  // Looked at before it is opened: opening some other device might do something.
  const UniqueFd place = TRY(open_in_root(context, kPtmx, O_PATH | O_NOFOLLOW));
  TRY_VOID(expect_ptmx(place.get()));
  Terminal terminal;
  terminal.master = TRY(open_in_root(context, kPtmx, O_RDWR | O_NOCTTY | O_NOFOLLOW));
  TRY_VOID(expect_ptmx(terminal.master.get()));
  const int unlocked = 0;
  if (ioctl(terminal.master.get(), TIOCSPTLCK, &unlocked) < 0) {
    return Error::from_errno("ioctl(TIOCSPTLCK)");
  }
  const int slave = ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return Error::from_errno("ioctl(TIOCGPTPEER)");
  terminal.slave.reset(slave);
  return terminal;
}

/// Binds the slave on /dev/console, which is made if it is missing and else has to be a file that
/// may be covered.
Result<void> mount_console(Context& context, int slave) {
  constexpr char kConsole[] = "/dev/console";
  const Entry entry = TRY(open_parent(context, kConsole));
  const Target target = TRY(open_or_make_file(entry, 0600));
  const struct statx found = TRY(sys::look_at(target.fd.get()));
  if (!S_ISREG(found.stx_mode) && !sys::is_device(found, S_IFCHR, 5, 1)) {
    return Error::refusal(
        "\"%s\" has mode 0%o and number %u:%u, and must be a regular file or "
        "character device 5:1",
        kConsole, found.stx_mode, found.stx_rdev_major, found.stx_rdev_minor);
  }
  const UniqueFd tree = TRY(sys::clone_tree(slave, 0));
  return attach(context, tree.get(), target.fd.get(), kConsole);
}

}  // namespace

Result<void> carry_out(Context& context, const wire::OpenConsoleStep& step) {
  Terminal terminal = TRY(open_terminal(context));
  const int slave = terminal.slave.get();
  if (step.rows != 0 || step.columns != 0) {
    winsize size{};
    size.ws_row = static_cast<unsigned short>(step.rows);
    size.ws_col = static_cast<unsigned short>(step.columns);
    if (ioctl(slave, TIOCSWINSZ, &size) < 0) return Error::from_errno("ioctl(TIOCSWINSZ)");
  }
  // The group stays devpts's own, usually tty.
  if (fchown(slave, step.uid, static_cast<gid_t>(-1)) < 0) {
    return Error::from_errno("fchown", "terminal of uid %u", step.uid);
  }
  if (step.mount_console != 0) TRY_VOID(mount_console(context, slave));
  TRY_VOID(ask_driver(context, wire::Request::kTakeConsole, terminal.master.get()));
  if (ioctl(slave, TIOCSCTTY, 0) < 0) return Error::from_errno("ioctl(TIOCSCTTY)");
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (dup2(slave, stream) < 0) return Error::from_errno("dup2", "stream %d", stream);
  }
  // A caller that closed its streams made room for the slave among them.
  if (slave <= STDERR_FILENO) {
    (void)terminal.slave.release();
    if (fcntl(slave, F_SETFD, 0) < 0) return Error::from_errno("fcntl(F_SETFD)");
  }
  return {};
}

}  // namespace tsoci::init
