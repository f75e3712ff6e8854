// User, groups and capabilities: the order of the calls is the order in which the right to make
// them is lost.
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/link.h"

namespace tsoci::init {
namespace {

constexpr uint32_t kMaxCapability = 63;

struct CapabilitySets {
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
};

Result<CapabilitySets> read_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2]{};
  if (syscall(SYS_capget, &header, words) < 0) return Error::from_errno("capget");
  const auto join = [](uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; };
  return CapabilitySets{join(words[0].effective, words[1].effective),
                        join(words[0].permitted, words[1].permitted),
                        join(words[0].inheritable, words[1].inheritable)};
}

Result<void> write_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2]{};
  for (int word = 0; word < 2; ++word) {
    words[word].effective = static_cast<uint32_t>(sets.effective >> (32 * word));
    words[word].permitted = static_cast<uint32_t>(sets.permitted >> (32 * word));
    words[word].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * word));
  }
  if (syscall(SYS_capset, &header, words) < 0) return Error::from_errno("capset");
  return {};
}

uint64_t read_bounding_set() {
  uint64_t set = 0;
  for (uint32_t capability = 0; capability <= kMaxCapability; ++capability) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) set |= uint64_t{1} << capability;
  }
  return set;
}

/// What is asked for and can be had. The rest is warned about: config.md#linux-process says that a
/// capability that cannot be granted should not fail the container.
uint64_t grantable(Context& context, const char* set, uint64_t wanted, uint64_t available) {
  const uint64_t missing = wanted & ~available;
  if (missing != 0) {
    warn(context, Error::refusal("%s capabilities 0x%llx are not this process's to give", set,
                                 static_cast<unsigned long long>(missing)));
  }
  return wanted & available;
}

}  // namespace

Result<void> carry_out(Context&, const wire::LimitBoundingSetStep& step) {
  for (uint32_t capability = 0; capability <= kMaxCapability; ++capability) {
    const int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0 && errno == EINVAL) break;  // The kernel knows no more.
    if (held < 0) return Error::from_errno("prctl(PR_CAPBSET_READ)", "capability %u", capability);
    if (held == 0 || (step.keep >> capability & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      return Error::from_errno("prctl(PR_CAPBSET_DROP)", "capability %u", capability);
    }
  }
  return {};
}

Result<void> carry_out(Context&, const wire::BecomeUserStep& step) {
  // To the kernel this is "no change": the program would run as root.
  constexpr uint32_t kNoId = UINT32_MAX;
  if (step.uid == kNoId || step.gid == kNoId) {
    return Error::refusal("%u is no %s", kNoId, step.uid == kNoId ? "uid" : "gid");
  }
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return Error::from_errno("prctl(PR_SET_KEEPCAPS)");
  if (step.keep_groups == 0) {
    static gid_t groups[NGROUPS_MAX];
    if (step.groups.size() > NGROUPS_MAX) {
      return Error::refusal("%u additional groups, and the kernel takes %d", step.groups.size(),
                            NGROUPS_MAX);
    }
    for (uint32_t index = 0; index < step.groups.size(); ++index)
      groups[index] = step.groups[index];
    if (setgroups(step.groups.size(), groups) < 0) {
      return Error::from_errno("setgroups", "%u groups", step.groups.size());
    }
  }
  if (setresgid(step.gid, step.gid, step.gid) < 0) {
    return Error::from_errno("setresgid", "gid %u", step.gid);
  }
  if (setresuid(step.uid, step.uid, step.uid) < 0) {
    return Error::from_errno("setresuid", "uid %u", step.uid);
  }
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return Error::from_errno("prctl(PR_SET_KEEPCAPS)");
  TRY_VOID(make_undumpable());
  TRY_VOID(die_with_driver());
  return {};
}

Result<void> carry_out(Context& context, const wire::SetCapabilitiesStep& step) {
  const CapabilitySets held = TRY(read_capabilities());
  // What init itself still needs goes with the execve, which makes both sets anew
  // (capabilities(7)).
  const uint64_t kept = step.until_execve & held.permitted;
  // The rules of capset(2): asked for more, it would refuse all of it.
  const uint64_t inheritable = held.inheritable | (held.permitted & read_bounding_set());
  CapabilitySets wanted;
  wanted.permitted = grantable(context, "permitted", step.permitted, held.permitted);
  wanted.effective = grantable(context, "effective", step.effective, wanted.permitted) | kept;
  wanted.inheritable = grantable(context, "inheritable", step.inheritable, inheritable);
  wanted.permitted |= kept;
  TRY_VOID(write_capabilities(wanted));
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) {
    return Error::from_errno("prctl(PR_CAP_AMBIENT_CLEAR_ALL)");
  }
  for (uint32_t capability = 0; capability <= kMaxCapability; ++capability) {
    if ((step.ambient >> capability & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) {
      warn(context, Error::from_errno("prctl(PR_CAP_AMBIENT_RAISE)",
                                      "can't raise ambient capability %u", capability));
    }
  }
  TRY_VOID(make_undumpable());
  TRY_VOID(die_with_driver());
  return {};
}

Result<void> carry_out(Context&, const wire::SetNoNewPrivilegesStep&) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
    return Error::from_errno("prctl(PR_SET_NO_NEW_PRIVS)");
  }
  return {};
}

Result<void> carry_out(Context&, const wire::SetUmaskStep& step) {
  umask(static_cast<mode_t>(step.mask));
  return {};
}

Result<void> carry_out(Context& context, const wire::ChangeDirectoryStep& step) {
  // Root first: the caller may name a directory that only root can enter. Then the user: it may be
  // one that only the user can (a root-squashing NFS, a 0700 home without CAP_DAC_OVERRIDE).
  if (step.final == 0 || context.directory_pending) {
    context.directory_pending = false;
    if (chdir(step.path) < 0) {
      if (step.final == 0 && (errno == EACCES || errno == EPERM)) {
        context.directory_pending = true;
        return {};
      }
      return Error::from_errno("chdir", "\"%s\"", step.path);
    }
  }
  if (step.final == 0) return {};
  // A directory that is not below the root is a door to the host: CVE-2024-21626. The system call
  // itself, as glibc turns "(unreachable)" into a bare ENOENT.
  char here[PATH_MAX] = "";
  if (syscall(SYS_getcwd, here, sizeof(here)) < 0) return Error::from_errno("getcwd");
  if (here[0] != '/') {
    return Error::refusal("\"%s\" leads out of the container's root: %s", step.path, here);
  }
  return {};
}

}  // namespace tsoci::init
