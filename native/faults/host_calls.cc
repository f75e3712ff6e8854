// Makes every function of the addon a fault point: they are all made by napi_create_function, which
// the linker has renamed.
#include <js_native_api.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "addon/request.h"
#include "faults/fault_points.h"

extern "C" {
napi_status __real_napi_create_function(napi_env env, const char* name, size_t length,
                                        napi_callback callback, void* data, napi_value* result);
napi_status __real_napi_get_cb_info(napi_env env, napi_callback_info info, size_t* argc,
                                    napi_value* argv, napi_value* this_arg, void** data);
}

namespace tsoci::faults {
namespace {

struct HostCall {
  std::string name;
  napi_callback callback;
  void* data;
};

/// These look at nothing that could fail, or, as close(2), do their work even when they fail.
constexpr const char* kFaultless[] = {"closeFile", "describeErrno", "monotonicNs", "sha256"};

std::string subject_of(napi_env env, napi_value request) {
  for (const char* field : {"path", "from", "name"}) {
    bool is_there = false;
    napi_value value;
    char text[sizeof(Point::subject)] = "";
    size_t length = 0;
    if (napi_has_named_property(env, request, field, &is_there) != napi_ok || !is_there) continue;
    if (napi_get_named_property(env, request, field, &value) != napi_ok) continue;
    if (napi_get_value_string_utf8(env, value, text, sizeof(text), &length) == napi_ok) return text;
  }
  return "";
}

napi_value call(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value request = nullptr;
  void* data = nullptr;
  __real_napi_get_cb_info(env, info, &count, &request, nullptr, &data);
  const auto& made = *static_cast<const HostCall*>(data);
  bool can_fail = true;
  for (const char* name : kFaultless) can_fail = can_fail && made.name != name;
  const std::string subject = count == 0 ? "" : subject_of(env, request);
  const int fault = can_fail ? pass(kHostCall, made.name.c_str(), subject.c_str(), {EIO})
                             : pass(kHostCall, made.name.c_str(), subject.c_str(), {});
  if (fault == 0) return made.callback(env, info);
  errno = fault;
  addon::throw_error(env, sys::Error::from_errno(made.name.c_str(), "\"%.100s\"", subject.c_str()));
  return nullptr;
}

}  // namespace
}  // namespace tsoci::faults

extern "C" napi_status __wrap_napi_create_function(napi_env env, const char* name, size_t length,
                                                   napi_callback callback, void* data,
                                                   napi_value* result) {
  // As long as the library itself.
  auto* made = new tsoci::faults::HostCall{name, callback, data};
  return __real_napi_create_function(env, name, length, tsoci::faults::call, made, result);
}

extern "C" napi_status __wrap_napi_get_cb_info(napi_env env, napi_callback_info info, size_t* argc,
                                               napi_value* argv, napi_value* this_arg,
                                               void** data) {
  const napi_status status = __real_napi_get_cb_info(env, info, argc, argv, this_arg, data);
  if (status == napi_ok && data != nullptr && *data != nullptr) {
    *data = static_cast<tsoci::faults::HostCall*>(*data)->data;
  }
  return status;
}
