// The device rules of a cgroup v2: a BPF program on its directory. TypeScript writes the
// instructions; here they are loaded and take the place of those that we attached before.
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// By this name we know our own program again; other programs of the cgroup are not ours to touch.
constexpr char kProgramName[BPF_OBJ_NAME_LEN] = "tsoci_devices";
/// The kernel attaches at most 64 programs of a kind to a cgroup.
constexpr size_t kMaxPrograms = 64;

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(
      sys::retry_eintr([&] { return syscall(SYS_bpf, command, &attributes, sizeof(attributes)); }));
}

uint64_t address_of(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

/// The verifier's reason: the last line before its statistics.
std::string verifier_reason(bpf_attr attributes) {
  std::array<char, 16 * 1024> log{};
  attributes.log_level = 1;
  attributes.log_buf = address_of(log.data());
  attributes.log_size = log.size();
  const int fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd >= 0) close(fd);
  std::string text = log.data();
  if (const size_t end = text.rfind("\nprocessed "); end != std::string::npos) text.resize(end);
  return text.substr(text.rfind('\n') + 1);
}

Result<UniqueFd> load_program(std::span<const uint8_t> instructions) {
  if (instructions.empty() || instructions.size() % sizeof(bpf_insn) != 0) {
    return Error::refusal("device program has %zu bytes, and must be whole instructions of %zu",
                          instructions.size(), sizeof(bpf_insn));
  }
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = address_of(instructions.data());
  attributes.insn_cnt = static_cast<uint32_t>(instructions.size() / sizeof(bpf_insn));
  attributes.license = address_of("Apache-2.0");
  memcpy(attributes.prog_name, kProgramName, sizeof(kProgramName));
  UniqueFd program(bpf(BPF_PROG_LOAD, attributes));
  if (program.is_open()) return program;
  const int load_errno = errno;
  const std::string reason = verifier_reason(attributes);
  errno = load_errno;
  return Error::from_errno("bpf", "BPF_PROG_LOAD of the device rules%s%s",
                           reason.empty() ? "" : ": ", reason.c_str());
}

/// Opens a program by its id, and answers it when it is one of ours.
Result<UniqueFd> open_if_ours(uint32_t id) {
  bpf_attr by_id{};
  by_id.prog_id = id;
  UniqueFd program(bpf(BPF_PROG_GET_FD_BY_ID, by_id));
  // Another may have detached it since we asked.
  if (!program.is_open() && errno == ENOENT) return UniqueFd();
  if (!program.is_open()) return Error::from_errno("bpf", "BPF_PROG_GET_FD_BY_ID %u", id);
  bpf_prog_info about{};
  bpf_attr inspect{};
  inspect.info.bpf_fd = static_cast<uint32_t>(program.get());
  inspect.info.info_len = sizeof(about);
  inspect.info.info = address_of(&about);
  if (bpf(BPF_OBJ_GET_INFO_BY_FD, inspect) < 0) {
    return Error::from_errno("bpf", "BPF_OBJ_GET_INFO_BY_FD %u", id);
  }
  if (strncmp(about.name, kProgramName, sizeof(about.name)) != 0) return UniqueFd();
  return program;
}

Result<std::vector<UniqueFd>> find_ours(int cgroup_fd) {
  std::array<uint32_t, kMaxPrograms> ids{};
  bpf_attr query{};
  query.query.target_fd = static_cast<uint32_t>(cgroup_fd);
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = address_of(ids.data());
  query.query.prog_cnt = ids.size();
  if (bpf(BPF_PROG_QUERY, query) < 0) {
    return Error::from_errno("bpf", "BPF_PROG_QUERY of the cgroup");
  }
  std::vector<UniqueFd> ours;
  for (uint32_t index = 0; index < query.query.prog_cnt; ++index) {
    UniqueFd program = TRY(open_if_ours(ids[index]));
    if (program.is_open()) ours.push_back(std::move(program));
  }
  return ours;
}

Result<void> detach(int cgroup_fd, const UniqueFd& program) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup_fd);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  if (bpf(BPF_PROG_DETACH, attributes) < 0 && errno != ENOENT) {
    return Error::from_errno("bpf", "BPF_PROG_DETACH from the cgroup");
  }
  return {};
}

/// All programs of a cgroup must allow an access, so an old one that stayed would go on denying.
/// The replacement is one step of the kernel: at no moment is the container without its rules.
Result<void> attach(int cgroup_fd, std::span<const uint8_t> instructions) {
  const UniqueFd program = TRY(load_program(instructions));
  const std::vector<UniqueFd> ours = TRY(find_ours(cgroup_fd));
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup_fd);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (!ours.empty()) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<uint32_t>(ours.front().get());
  }
  if (bpf(BPF_PROG_ATTACH, attributes) < 0) {
    return Error::from_errno("bpf", "BPF_PROG_ATTACH of the device rules");
  }
  for (size_t index = 1; index < ours.size(); ++index) TRY_VOID(detach(cgroup_fd, ours[index]));
  return {};
}

}  // namespace

Napi::Value attach_device_program(const Napi::CallbackInfo& info) {
  Request request(info);
  const int cgroup_fd = static_cast<int>(request.number("cgroupFd"));
  const std::span<const uint8_t> instructions = request.bytes("instructions");
  if (!request.ok()) return info.Env().Undefined();
  if (auto attached = attach(cgroup_fd, instructions); !attached) {
    return throw_error(info.Env(), attached.error());
  }
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
