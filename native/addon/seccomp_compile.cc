// Compiles a seccomp profile to BPF: libseccomp makes the filter, and a few instructions in front
// of it answer ENOSYS for system calls that are newer than the profile.
#include "addon/seccomp_compile.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// The errno of a libseccomp call, which it returns negated.
Error library_error(const char* call, int code, const std::string& subject) {
  errno = -code;
  return Error::from_errno(call, "%s", subject.c_str());
}

struct ContextRelease {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ContextRelease>;

constexpr size_t kNamesWorthATree = 32;

size_t count_names(const Profile& profile) {
  size_t count = 0;
  for (const Rule& rule : profile.rules) count += rule.names.size();
  return count;
}

Result<Context> open_context(const Profile& profile) {
  Context context(seccomp_init(profile.default_action));
  if (!context) return Error::refusal("libseccomp refuses the default action of the profile");
  // A search tree instead of a list, of four system calls a leaf. It pays for many only, and
  // libseccomp up to 2.5.4 makes a wrong one of none (runc's word for it).
  if (count_names(profile) > kNamesWorthATree) {
    seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }
  for (const Architecture* architecture : profile.architectures) {
    const int code = seccomp_arch_add(context.get(), architecture->token);
    if (code < 0 && code != -EEXIST) {
      return library_error("seccomp_arch_add", code,
                           std::string("architecture \"") + architecture->name + "\"");
    }
  }
  return context;
}

/// libseccomp takes an argument once a rule. A profile that names one twice means either of them,
/// so each comparison becomes a rule of its own (as runc and crun read it).
bool repeats_an_argument(const std::vector<scmp_arg_cmp>& args) {
  unsigned seen = 0;
  for (const scmp_arg_cmp& arg : args) {
    if ((seen & (1U << arg.arg)) != 0) return true;
    seen |= 1U << arg.arg;
  }
  return false;
}

Result<void> add_rule(const Context& context, const Rule& rule, const std::string& name,
                      int number) {
  const auto add = [&](const scmp_arg_cmp* args, unsigned count) -> Result<void> {
    const int code = seccomp_rule_add_array(context.get(), rule.action, number, count, args);
    // The same rule, or a wider one, is there already.
    if (code < 0 && code != -EEXIST) {
      return library_error("seccomp_rule_add", code, "rule for \"" + name + "\"");
    }
    return {};
  };
  if (!repeats_an_argument(rule.args)) {
    return add(rule.args.data(), static_cast<unsigned>(rule.args.size()));
  }
  for (const scmp_arg_cmp& arg : rule.args) TRY_VOID(add(&arg, 1));
  return {};
}

/// Answers the names that this libseccomp does not know. They are left out, as a profile lists the
/// calls of many kernels; the caller tells about them.
Result<std::vector<std::string>> add_rules(const Context& context, const Profile& profile) {
  std::vector<std::string> unknown;
  for (const Rule& rule : profile.rules) {
    for (const std::string& name : rule.names) {
      const int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) {
        unknown.push_back(name);
      } else if (rule.action != profile.default_action) {
        // libseccomp refuses a rule that says what the default says.
        TRY_VOID(add_rule(context, rule, name, number));
      }
    }
  }
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  return unknown;
}

Result<std::vector<sock_filter>> export_filter(const Context& context) {
  const UniqueFd file(memfd_create("seccomp", MFD_CLOEXEC));
  if (!file.is_open()) return Error::from_errno("memfd_create", "for a seccomp program");
  const int code = seccomp_export_bpf(context.get(), file.get());
  if (code < 0) return library_error("seccomp_export_bpf", code, "");
  struct stat about;
  if (fstat(file.get(), &about) < 0) return Error::from_errno("fstat", "seccomp program");
  std::vector<sock_filter> filter(static_cast<size_t>(about.st_size) / sizeof(sock_filter));
  const ssize_t bytes = pread(file.get(), filter.data(), filter.size() * sizeof(sock_filter), 0);
  if (bytes != about.st_size) return Error::from_errno("pread", "seccomp program");
  return filter;
}

/// The x32 bit on x86_64, and the private calls of ARM: numbers from here on are no later than any
/// other, so they are left to the filter.
constexpr uint32_t kX32Bit = 0x40000000;
constexpr uint32_t kArmPrivate = 0x000f0000;

/// The highest number that the profile names on an architecture, or nothing.
std::optional<uint32_t> newest_named(const Profile& profile, const Architecture& architecture) {
  std::optional<uint32_t> newest;
  for (const Rule& rule : profile.rules) {
    for (const std::string& name : rule.names) {
      // A call that the architecture does not have resolves to a negative number.
      int number = seccomp_syscall_resolve_name_arch(architecture.token, name.c_str());
      if (architecture.token == SCMP_ARCH_X32 && number >= 0) number &= ~int{kX32Bit};
      if (architecture.token == SCMP_ARCH_ARM && number >= int{kArmPrivate}) continue;
      if (number >= 0) newest = std::max(newest.value_or(0), static_cast<uint32_t>(number));
    }
  }
  return newest;
}

constexpr sock_filter statement(uint16_t code, uint32_t operand) { return {code, 0, 0, operand}; }
constexpr sock_filter jump(uint16_t code, uint32_t operand, uint8_t if_true, uint8_t if_false) {
  return {code, if_true, if_false, operand};
}

/// Part of the prologue: numbers in [first, end) above `newest` get ENOSYS.
void add_limit(std::vector<sock_filter>& program, const Architecture& architecture,
               uint32_t newest) {
  const bool x32 = architecture.token == SCMP_ARCH_X32;
  const bool bounded =
      architecture.token == SCMP_ARCH_X86_64 || architecture.token == SCMP_ARCH_ARM;
  const uint32_t first = x32 ? kX32Bit : 0;
  const uint32_t end = architecture.token == SCMP_ARCH_ARM ? kArmPrivate : kX32Bit;
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, architecture.audit, 0, bounded ? 4 : 3));
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  if (bounded) program.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, end, 2, 0));
  program.push_back(jump(BPF_JMP | BPF_JGT | BPF_K, first + newest, 0, 1));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
}

/// On s390 a number above 255 arrives as that of setup(2), which is 0 and which nobody calls any
/// more, when the kernel does not know it.
void add_setup(std::vector<sock_filter>& program, const Architecture& architecture) {
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, architecture.audit, 0, 3));
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
}

/// An allowing default lets new calls through, and a tracer knows best what to do with them.
bool lets_through(uint32_t action) {
  const uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
  return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE;
}

/// A libc tries a new system call first and falls back when it gets ENOSYS; with EPERM it gives up.
/// A profile cannot mean to forbid what did not exist when it was written, so numbers above the
/// highest one it names are answered as a kernel would that does not have them.
std::vector<sock_filter> make_prologue(const Profile& profile) {
  std::vector<sock_filter> program;
  if (lets_through(profile.default_action)) return program;
  if (profile.default_action == SCMP_ACT_ERRNO(ENOSYS)) return program;
  std::vector<const Architecture*> all = profile.architectures;
  all.push_back(profile.native);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const Architecture* architecture : all) {
    const std::optional<uint32_t> newest = newest_named(profile, *architecture);
    if (!newest) continue;
    const bool s390 =
        architecture->token == SCMP_ARCH_S390 || architecture->token == SCMP_ARCH_S390X;
    if (s390) add_setup(program, *architecture);
    add_limit(program, *architecture, *newest);
  }
  return program;
}

}  // namespace

Result<Compiled> compile(const Profile& profile) {
  const Context context = TRY(open_context(profile));
  std::vector<std::string> unknown = TRY(add_rules(context, profile));
  const std::vector<sock_filter> filter = TRY(export_filter(context));
  std::vector<sock_filter> program = make_prologue(profile);
  program.insert(program.end(), filter.begin(), filter.end());
  if (program.size() > BPF_MAXINSNS) {
    return Error::refusal("seccomp program has %zu instructions, and the kernel takes %d",
                          program.size(), BPF_MAXINSNS);
  }
  return Compiled{std::move(program), std::move(unknown)};
}

}  // namespace tsoci::addon
