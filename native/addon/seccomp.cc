// Reads a seccomp profile: the names of the specification, and what libseccomp calls them.
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>

#include "addon/functions.h"
#include "addon/request.h"
#include "addon/seccomp_compile.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;

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
  Profile profile{TRY(action_of(default_action, default_errno)), {}, nullptr, {}};
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.token == seccomp_arch_native()) profile.native = &architecture;
  }

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
