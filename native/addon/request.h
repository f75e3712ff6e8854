// Reads what TypeScript handed over: each field by name and type. A wrong one is a bug of ours, so
// it becomes a TypeError that names the field.
#ifndef TSOCI_NATIVE_ADDON_REQUEST_H_
#define TSOCI_NATIVE_ADDON_REQUEST_H_

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sys/result.h"

namespace tsoci::addon {

/// The one object argument of an exported function. After a failed read `ok()` is false, a JS
/// exception is pending and every further read answers an empty value.
class Request {
 public:
  explicit Request(const Napi::CallbackInfo& info);

  bool ok() const { return ok_; }
  Napi::Env env() const { return env_; }

  int64_t number(const char* name);
  uint64_t unsigned64(const char* name);  ///< A bigint; -1n reads as UINT64_MAX.
  bool boolean(const char* name);
  std::string string(const char* name);  ///< Refuses an inner NUL.
  std::vector<std::string> strings(const char* name);
  std::vector<int> numbers(const char* name);
  std::span<const uint8_t> bytes(const char* name);  ///< Valid during the call only.
  Napi::Array array(const char* name);

 private:
  Napi::Value field(const char* name);
  void refuse(const char* name, const char* expected);

  Napi::Env env_;
  Napi::Object object_;
  bool ok_ = true;

 public:
  /// Reads an object inside the request, for lists of objects.
  Request(Napi::Env env, Napi::Object object) : env_(env), object_(object) {}
};

/// The error as people read it, ending in the errno.
std::string describe(const sys::Error& error);

/// The error as a JS Error with `code`, `errno`, `syscall` and `detail`.
Napi::Error make_error(Napi::Env env, const sys::Error& error);

/// Makes it pending.
Napi::Value throw_error(Napi::Env env, const sys::Error& error);

/// As people read it, with the kernel's name last: "operation not permitted (EPERM)".
std::string describe_errno_number(int number);

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_REQUEST_H_
