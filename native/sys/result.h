// A value or the error that took its place. No exceptions: init has no unwinder, and an errno that
// is lost on the way is a bug report that nobody can answer.
#ifndef TSOCI_NATIVE_SYS_RESULT_H_
#define TSOCI_NATIVE_SYS_RESULT_H_

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

namespace tsoci::sys {

/// What went wrong: the system call and its errno, or a text of ours when no call failed.
/// Trivially copyable and of fixed size, so that it can cross a fork or a socket as it is.
struct Error {
  int number = 0;         ///< errno, or 0 when `detail` says it all.
  char call[40] = "";     ///< The system call, "" when none failed.
  char detail[472] = "";  ///< What it was done to, or the whole message.

  /// The errno of the call that just failed.
  static Error from_errno(const char* call) { return from_errno(call, "%s", ""); }

  /// The same, with what it was done to.
  [[gnu::format(printf, 2, 3)]] static Error from_errno(const char* call, const char* format, ...) {
    Error error;
    error.number = errno;
    std::snprintf(error.call, sizeof(error.call), "%s", call);
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(error.detail, sizeof(error.detail), format, arguments);
    va_end(arguments);
    return error;
  }

  /// A refusal of ours: no system call failed, but what was found may not be.
  [[gnu::format(printf, 1, 2)]] static Error refusal(const char* format, ...) {
    Error error;
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(error.detail, sizeof(error.detail), format, arguments);
    va_end(arguments);
    return error;
  }
};
static_assert(std::is_trivially_copyable_v<Error>);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error) : error_(error) {}         // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return value_.has_value(); }
  T& value() { return *value_; }
  const Error& error() const { return error_; }

 private:
  std::optional<T> value_;
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(error), failed_(true) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return !failed_; }
  void value() const {}
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool failed_ = false;
};

/// Takes the value, or returns the error to the caller.
#define TRY(expression)                         \
  ({                                            \
    auto try_result = (expression);             \
    if (!try_result) return try_result.error(); \
    std::move(try_result.value());              \
  })

/// The same for Result<void>.
#define TRY_VOID(expression)                           \
  do {                                                 \
    if (auto try_result = (expression); !try_result) { \
      return try_result.error();                       \
    }                                                  \
  } while (false)

/// Calls again what a signal interrupted. The only place where anything is retried.
template <typename Call>
auto retry_eintr(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace tsoci::sys

#endif  // TSOCI_NATIVE_SYS_RESULT_H_
