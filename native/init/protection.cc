// What init is before it does anything: opaque, bound to its driver, with signals as they are at
// boot.
#include <linux/keyctl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/link.h"

namespace tsoci::init {

namespace {

Result<void> set_dumpable(unsigned long value) {
  if (prctl(PR_SET_DUMPABLE, value) < 0) return Error::from_errno("prctl(PR_SET_DUMPABLE)");
  return {};
}

Result<void> set_death_signal(unsigned long signal) {
  if (prctl(PR_SET_PDEATHSIG, signal) < 0) return Error::from_errno("prctl(PR_SET_PDEATHSIG)");
  return {};
}

}  // namespace

Result<void> make_undumpable() { return set_dumpable(0); }
Result<void> make_dumpable() { return set_dumpable(1); }
Result<void> die_with_driver() { return set_death_signal(SIGKILL); }
Result<void> outlive_driver() { return set_death_signal(0); }

namespace {

/// As rt_sigaction(2) wants it; glibc's own refuses the two signals that it uses itself.
struct KernelSigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};

constexpr int kSignalCount = 64;

/// A key's name has up to 4096 bytes; the kernel copies nothing of a description that does not fit.
constexpr size_t kMaxKeyDescription = 4096 + 64;

}  // namespace

Result<void> carry_out(Context&, const wire::ProtectProcessStep&) {
  TRY_VOID(make_undumpable());
  TRY_VOID(die_with_driver());
  // The engine ignores SIGPIPE and SIGXFSZ, and the caller may have blocked or ignored others: all
  // of that survives an execve and would puzzle the program.
  const KernelSigaction as_at_boot{SIG_DFL, 0, nullptr, 0};
  for (int signal = 1; signal <= kSignalCount; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    if (syscall(SYS_rt_sigaction, signal, &as_at_boot, nullptr, sizeof(as_at_boot.mask)) < 0) {
      return Error::from_errno("rt_sigaction", "signal %d", signal);
    }
  }
  const unsigned long none = 0;
  if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none)) < 0) {
    return Error::from_errno("rt_sigprocmask");
  }
  return {};
}

Result<void> carry_out(Context&, const wire::NewSessionStep&) {
  if (setsid() < 0) return Error::from_errno("setsid");
  return {};
}

Result<void> carry_out(Context&, const wire::NewKeyringStep& step) {
  const long keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, step.name);
  if (keyring < 0) {
    // A kernel without keyrings, or a filter around us: the container then shares what its caller
    // has, which is what runc accepts too.
    if (errno == ENOSYS || errno == EPERM || errno == EDQUOT) return {};
    return Error::from_errno("keyctl(KEYCTL_JOIN_SESSION_KEYRING)", "\"%s\"", step.name);
  }
  // The key's owner may search it, or `exec` could not join it later. The description reads
  // "keyring;UID;GID;PERMISSIONS;NAME".
  char description[kMaxKeyDescription] = "";
  if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, keyring, description, sizeof(description) - 1) < 0) {
    return Error::from_errno("keyctl(KEYCTL_DESCRIBE)", "\"%s\"", step.name);
  }
  const char* field = description;
  for (int separators = 0; separators < 3 && field != nullptr; ++separators) {
    field = std::strchr(field, ';');
    if (field != nullptr) ++field;
  }
  if (field == nullptr) return Error::refusal("keyring described as \"%s\"", description);
  constexpr unsigned long kUserSearch = 0x00080000;
  const unsigned long permissions = strtoul(field, nullptr, 16) | kUserSearch;
  if (syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, permissions) < 0) {
    return Error::from_errno("keyctl(KEYCTL_SETPERM)", "\"%s\"", step.name);
  }
  return {};
}

}  // namespace tsoci::init
