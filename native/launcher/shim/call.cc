#include "launcher/shim/call.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

namespace tsoci::launcher::shim {
namespace {

constexpr std::string_view kShimPrefix = "containerd-shim-";

/// Flags that the launcher has to know; those without a place it only passes over.
struct Flag {
  std::string_view name;
  bool has_value;
  std::string_view Call::*place;
};
constexpr Flag kFlags[] = {
    {"namespace", true, &Call::name_space},
    {"id", true, &Call::id},
    {"address", true, &Call::grpc_address},
    {"publish-binary", true, nullptr},
    {"debug", false, nullptr},
};
constexpr std::string_view kBundleFlag = "bundle";

const Flag* find_flag(std::string_view name) {
  for (const Flag& flag : kFlags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

int length_of(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

bool is_called_as_shim(const char* program) {
  const std::string_view path(program);
  return path.substr(path.rfind('/') + 1).substr(0, kShimPrefix.size()) == kShimPrefix;
}

bool read_call(int argument_count, char* const* arguments, Call& call) {
  std::string_view bundle;
  for (int index = 1; index < argument_count; ++index) {
    std::string_view argument = arguments[index];
    if (argument.empty() || argument.front() != '-') {
      if (!call.action.empty()) return false;
      call.action = argument;
      continue;
    }
    if (!call.action.empty()) return false;
    argument.remove_prefix(argument.substr(0, 2) == "--" ? 2 : 1);
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const Flag* flag = find_flag(name);
    const bool is_bundle = name == kBundleFlag;
    if (flag == nullptr && !is_bundle) return false;
    if (flag != nullptr && !flag->has_value) {
      if (equals != std::string_view::npos) return false;
      continue;
    }
    if (equals == std::string_view::npos && ++index == argument_count) return false;
    const std::string_view value = equals == std::string_view::npos
                                       ? std::string_view(arguments[index])
                                       : argument.substr(equals + 1);
    if (is_bundle) bundle = value;
    if (flag != nullptr && flag->place != nullptr) call.*(flag->place) = value;
  }
  if (call.id.empty() || call.name_space.empty()) return false;
  char here[PATH_MAX];
  if (bundle.empty() || bundle.front() != '/') {
    if (getcwd(here, sizeof(here)) == nullptr) return false;
    call.bundle.add(here);
    if (!bundle.empty()) call.bundle.add("/");
  }
  return call.bundle.add(bundle).fits();
}

void fail(std::string_view doing, std::string_view subject) {
  dprintf(STDERR_FILENO, "containerd-shim-tsoci-v2: %.*s \"%.*s\": %s\n", length_of(doing),
          doing.data(), length_of(subject), subject.data(), strerror(errno));
  _exit(1);
}

void refuse(std::string_view problem, std::string_view subject) {
  dprintf(STDERR_FILENO, "containerd-shim-tsoci-v2: \"%.*s\" %.*s\n", length_of(subject),
          subject.data(), length_of(problem), problem.data());
  _exit(1);
}

}  // namespace tsoci::launcher::shim
