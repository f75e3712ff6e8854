// Compiles a seccomp profile to BPF: libseccomp makes the filter, and a few instructions in front
// of it answer ENOSYS for system calls that are newer than the profile.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

struct Architecture {
  const char* name;
  uint32_t token;
  /// What the kernel calls it; x32 is x86_64 there, with a bit set in the number.
  uint32_t audit;
};

constexpr Architecture kArchitectures[] = {
    {"SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM, SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, SCMP_ARCH_AARCH64},
#ifdef SCMP_ARCH_LOONGARCH64
    {"SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64, SCMP_ARCH_LOONGARCH64},
#endif
#ifdef SCMP_ARCH_M68K
    {"SCMP_ARCH_M68K", SCMP_ARCH_M68K, SCMP_ARCH_M68K},
#endif
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS, SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC, SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64, SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE, SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390, SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X, SCMP_ARCH_S390X},
#ifdef SCMP_ARCH_SH
    {"SCMP_ARCH_SH", SCMP_ARCH_SH, SCMP_ARCH_SH},
    {"SCMP_ARCH_SHEB", SCMP_ARCH_SHEB, SCMP_ARCH_SHEB},
#endif
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC, SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64, SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64, SCMP_ARCH_RISCV64},
};

struct Action {
  const char* name;
  uint32_t value;
  bool takes_errno;
};

constexpr Action kActions[] = {
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
    {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false},
};

struct Operator {
  const char* name;
  scmp_compare value;
};

constexpr Operator kOperators[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

template <typename Row, size_t count>
const Row* find_row(const Row (&table)[count], const std::string& name) {
  const Row* row = std::find_if(std::begin(table), std::end(table),
                                [&](const Row& candidate) { return name == candidate.name; });
  return row == std::end(table) ? nullptr : row;
}

Result<uint32_t> action_of(const std::string& name, int64_t data) {
  const Action* action = find_row(kActions, name);
  if (action == nullptr) return Error::refusal("unknown seccomp action \"%s\"", name.c_str());
  if (!action->takes_errno) return action->value;
  if (data < 0 || data > SECCOMP_RET_DATA) {
    return Error::refusal("errno of %s is %lld, and must be 0 to 65535", action->name,
                          static_cast<long long>(data));
  }
  return action->value | static_cast<uint32_t>(data);
}

struct Rule {
  std::vector<std::string> names;
  uint32_t action;
  std::vector<scmp_arg_cmp> args;
};

struct Profile {
  uint32_t default_action;
  std::vector<const Architecture*> architectures;
  std::vector<Rule> rules;
};

/// The errno of a libseccomp call, which it returns negated.
Error library_error(const char* call, int code, const std::string& subject) {
  errno = -code;
  return Error::from_errno(call, "%s", subject.c_str());
}

struct ContextRelease {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ContextRelease>;

Result<Context> open_context(const Profile& profile) {
  Context context(seccomp_init(profile.default_action));
  if (!context) return Error::refusal("libseccomp refuses the default action of the profile");
  // Levels differ only in speed; one that is too old to sort keeps its list.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
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

/// An allowing default lets new calls through, and a tracer knows best what to do with them.
bool lets_through(uint32_t action) {
  const uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
  return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE;
}

/// A libc tries a new system call first and falls back when it gets ENOSYS; with EPERM it gives up.
/// A profile cannot mean to forbid what did not exist when it was written, so numbers above the
/// highest one it names are answered as a kernel would that does not have them.
std::vector<sock_filter> make_prologue(const Profile& profile, uint32_t native_token) {
  std::vector<sock_filter> program;
  if (lets_through(profile.default_action)) return program;
  if (profile.default_action == SCMP_ACT_ERRNO(ENOSYS)) return program;
  std::vector<const Architecture*> all = profile.architectures;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.token == native_token) all.push_back(&architecture);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const Architecture* architecture : all) {
    const std::optional<uint32_t> newest = newest_named(profile, *architecture);
    if (newest) add_limit(program, *architecture, *newest);
  }
  return program;
}

struct Compiled {
  std::vector<sock_filter> program;
  std::vector<std::string> unknown;
};

Result<Compiled> compile(const Profile& profile) {
  const Context context = TRY(open_context(profile));
  std::vector<std::string> unknown = TRY(add_rules(context, profile));
  const std::vector<sock_filter> filter = TRY(export_filter(context));
  std::vector<sock_filter> program = make_prologue(profile, seccomp_arch_native());
  program.insert(program.end(), filter.begin(), filter.end());
  if (program.size() > BPF_MAXINSNS) {
    return Error::refusal("seccomp program has %zu instructions, and the kernel takes %d",
                          program.size(), BPF_MAXINSNS);
  }
  return Compiled{std::move(program), std::move(unknown)};
}

Result<scmp_arg_cmp> read_argument(Request& request) {
  const int64_t index = request.number("index");
  const std::string name = request.string("op");
  const uint64_t value = request.unsigned64("value");
  const uint64_t value_two = request.unsigned64("valueTwo");
  if (!request.ok()) return Error{};
  const Operator* operation = find_row(kOperators, name);
  if (operation == nullptr) return Error::refusal("unknown seccomp operator \"%s\"", name.c_str());
  if (index < 0 || index > 5) {
    return Error::refusal("seccomp argument index is %lld, and must be 0 to 5",
                          static_cast<long long>(index));
  }
  return scmp_arg_cmp{static_cast<unsigned>(index), operation->value, value, value_two};
}

/// An error without text means that a JavaScript exception is pending already.
Result<Rule> read_rule(Napi::Env env, Napi::Value value) {
  if (!value.IsObject()) return Error::refusal("seccomp rule must be an object");
  Request request(env, value.As<Napi::Object>());
  Rule rule{request.strings("names"), 0, {}};
  const std::string action = request.string("action");
  const int64_t data = request.number("errno");
  const Napi::Array args = request.array("args");
  if (!request.ok()) return Error{};
  rule.action = TRY(action_of(action, data));
  for (uint32_t index = 0; index < args.Length(); ++index) {
    const Napi::Value arg = args.Get(index);
    if (!arg.IsObject()) return Error::refusal("seccomp argument must be an object");
    Request arg_request(env, arg.As<Napi::Object>());
    rule.args.push_back(TRY(read_argument(arg_request)));
  }
  return rule;
}

Result<Profile> read_profile(Request& request) {
  const std::string default_action = request.string("defaultAction");
  const int64_t default_errno = request.number("defaultErrno");
  const std::vector<std::string> architectures = request.strings("architectures");
  const Napi::Array rules = request.array("rules");
  if (!request.ok()) return Error{};
  Profile profile{TRY(action_of(default_action, default_errno)), {}, {}};
  for (const std::string& name : architectures) {
    const Architecture* architecture = find_row(kArchitectures, name);
    if (architecture == nullptr) {
      return Error::refusal("architecture \"%s\" is unknown to libseccomp %d.%d.%d", name.c_str(),
                            SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO);
    }
    profile.architectures.push_back(architecture);
  }
  for (uint32_t index = 0; index < rules.Length(); ++index) {
    profile.rules.push_back(TRY(read_rule(request.env(), rules.Get(index))));
  }
  return profile;
}

}  // namespace

Napi::Value compile_seccomp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Request request(info);
  Result<Profile> profile = read_profile(request);
  if (env.IsExceptionPending()) return env.Undefined();
  if (!profile) return throw_error(env, profile.error());
  Result<Compiled> compiled = compile(profile.value());
  if (!compiled) return throw_error(env, compiled.error());

  const std::vector<sock_filter>& program = compiled.value().program;
  const size_t size = program.size() * sizeof(sock_filter);
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, size);
  memcpy(bytes.Data(), program.data(), size);
  const std::vector<std::string>& unknown = compiled.value().unknown;
  Napi::Array names = Napi::Array::New(env, unknown.size());
  for (uint32_t index = 0; index < unknown.size(); ++index) names.Set(index, unknown[index]);
  Napi::Object reply = Napi::Object::New(env);
  reply.Set("program", bytes);
  reply.Set("unknownSyscalls", names);
  return reply;
}

}  // namespace tsoci::addon
