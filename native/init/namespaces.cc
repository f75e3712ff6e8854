// Joining and making namespaces, and the fork that pid and time namespaces need.
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/link.h"
#include "init/rootfs.h"

namespace tsoci::init {

namespace {

/// A namespace belongs to a user namespace, and can be joined with the rights of that one alone:
/// before the container's user namespace is joined by the host's rights, after it by the
/// container's.
constexpr uint32_t kBeforeUserNamespace = 1;
constexpr uint32_t kAfterUserNamespace = 2;

}  // namespace

Result<void> carry_out(Context& context, const wire::JoinNamespaceStep& step) {
  if (step.round == kAfterUserNamespace && (context.joined_namespaces & step.ns_type) != 0)
    return {};
  if (setns(step.namespace_fd, static_cast<int>(step.ns_type)) < 0) {
    if (step.round == kBeforeUserNamespace && errno == EPERM) return {};
    return Error::from_errno("setns", "\"%s\"", step.path);
  }
  context.joined_namespaces |= step.ns_type;
  if (step.ns_type == CLONE_NEWUSER) {
    // The rights of another owner's user namespace count as a change of ids.
    TRY_VOID(make_undumpable());
    TRY_VOID(die_with_driver());
  }
  close(step.namespace_fd);
  return {};
}

Result<void> carry_out(Context& context, const wire::JoinContainerStep& step) {
  const UniqueFd container(step.container_fd);
  UniqueFd root(step.root_fd);
  // A pidfd in place of a namespace: all or none of them, and those of no other process
  // (Linux 5.8).
  if (step.flags != 0 && setns(container.get(), static_cast<int>(step.flags)) < 0) {
    return Error::from_errno("setns", "flags 0x%x", step.flags);
  }
  context.joined_namespaces |= step.flags;
  context.joined_container = true;
  if ((step.flags & CLONE_NEWUSER) != 0) {
    TRY_VOID(make_undumpable());
    TRY_VOID(die_with_driver());
  }
  // Joining a mount namespace changes the root directory too.
  if (!root.is_open()) root.reset(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return Error::from_errno("open", "\"/\"");
  context.rootfs = std::move(root);
  return enter_rootfs(context);
}

Result<void> carry_out(Context&, const wire::UnshareNamespacesStep& step) {
  // CLONE_NEWTIME is in no libc's flags for int, so the raw call.
  if (syscall(SYS_unshare, static_cast<unsigned long>(step.flags)) < 0) {
    return Error::from_errno("unshare");
  }
  return {};
}

Result<void> carry_out(Context&, const wire::BecomeRootStep&) {
  if (setresgid(0, 0, 0) < 0) return Error::from_errno("setresgid", "gid 0");
  if (setresuid(0, 0, 0) < 0) return Error::from_errno("setresuid", "uid 0");
  TRY_VOID(make_undumpable());
  TRY_VOID(die_with_driver());
  return {};
}

Result<void> carry_out(Context& context, const wire::ForkInitStep&) {
  // What the new process says first would reach the driver before its pid.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return Error::from_errno("pipe2");
  UniqueFd told(ends[0]);
  UniqueFd telling(ends[1]);
  // By its group the driver finds the new process, should this one end before it has named it.
  if (setpgid(0, 0) < 0) return Error::from_errno("setpgid");
  // A sibling, not a child: the driver has to be able to wait for it.
  clone_args arguments{};
  arguments.flags = CLONE_PARENT;
  const long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid < 0) return Error::from_errno("clone3");
  if (pid == 0) {
    Result<void> bound = die_with_driver();
    telling.reset();
    char byte;
    // Without it the driver knows nothing of this process: there is nobody to work for.
    const ssize_t got = sys::retry_eintr([&] { return read(told.get(), &byte, 1); });
    if (got < 0) return Error::from_errno("read", "pipe of the first stage");
    if (got == 0) _exit(1);
    return bound;
  }
  wire::Writer writer;
  writer.write(static_cast<uint32_t>(wire::MessageCode::kForked));
  writer.write(static_cast<uint32_t>(pid));
  TRY_VOID(send_packet(context.link.get(), writer, -1));
  if (sys::retry_eintr([&] { return write(telling.get(), "", 1); }) < 0) {
    return Error::from_errno("write", "pipe to init");
  }
  _exit(0);
}

Result<void> carry_out(Context&, const wire::BringLoopbackUpStep&) {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.is_open()) return Error::from_errno("socket", "AF_INET");
  ifreq interface {
    .ifr_ifrn = {.ifrn_name = "lo"}, .ifr_ifru = {}
  };
  interface.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(socket_fd.get(), SIOCSIFFLAGS, &interface) < 0) {
    return Error::from_errno("ioctl(SIOCSIFFLAGS)", "lo");
  }
  return {};
}

Result<void> carry_out(Context&, const wire::SetHostnameStep& step) {
  if (sethostname(step.name, std::strlen(step.name)) < 0) {
    return Error::from_errno("sethostname", "\"%s\"", step.name);
  }
  return {};
}

Result<void> carry_out(Context&, const wire::SetDomainnameStep& step) {
  if (setdomainname(step.name, std::strlen(step.name)) < 0) {
    return Error::from_errno("setdomainname", "\"%s\"", step.name);
  }
  return {};
}

}  // namespace tsoci::init
