// Talks to systemd over D-Bus: method calls, properties, and the end of jobs. Which units, and with
// what properties, TypeScript says.
#include <time.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "addon/functions.h"
#include "addon/request.h"
#include "addon/sd_bus.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;

constexpr char kService[] = "org.freedesktop.systemd1";
constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
constexpr char kUnitsPath[] = "/org/freedesktop/systemd1/unit";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";

struct EndedJob {
  std::string path;
  std::string result;
};

/// What a call ended with: an answer of the other side has a name, a failure on our side an errno.
struct Failure {
  std::string name;
  std::string text;
};

uint64_t now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

class Connection {
 public:
  explicit Connection(const SdBus& api) : api_(api) {}
  ~Connection() {
    if (bus_ == nullptr) return;
    api_.sd_bus_close(bus_);
    api_.sd_bus_unref(bus_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const SdBus& api() const { return api_; }
  sd_bus* bus() const { return bus_; }

  Result<void> open(const std::string& address) {
    TRY_VOID(check(api_.sd_bus_new(&bus_), "sd_bus_new", ""));
    TRY_VOID(check(api_.sd_bus_set_address(bus_, address.c_str()), "sd_bus_set_address", ""));
    TRY_VOID(check(api_.sd_bus_set_bus_client(bus_, 1), "sd_bus_set_bus_client", ""));
    TRY_VOID(check(api_.sd_bus_start(bus_), "sd_bus_start", ""));
    // Before the first job is asked for, so that the end of none is missed.
    return check(api_.sd_bus_match_signal(bus_, nullptr, kService, kManagerPath, kManager,
                                          "JobRemoved", take_job, this),
                 "sd_bus_match_signal", "");
  }

  /// How the job ended, in systemd's word.
  Result<std::string> wait_for(const std::string& job, int timeout_ms) {
    const uint64_t deadline = now_us() + static_cast<uint64_t>(timeout_ms) * 1000;
    while (true) {
      for (const EndedJob& ended : ended_) {
        if (ended.path == job) return ended.result;
      }
      const int processed = api_.sd_bus_process(bus_, nullptr);
      TRY_VOID(check(processed, "sd_bus_process", job));
      if (processed > 0) continue;
      const uint64_t now = now_us();
      const int waited = now >= deadline ? -ETIMEDOUT : api_.sd_bus_wait(bus_, deadline - now);
      if (waited != -EINTR) TRY_VOID(check(waited, "sd_bus_wait", "the end of job " + job));
    }
  }

  static Result<void> check(int result, const char* call, const std::string& detail) {
    if (result >= 0) return {};
    errno = -result;
    return Error::from_errno(call, "%s", detail.c_str());
  }

 private:
  static int take_job(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& connection = *static_cast<Connection*>(self);
    const SdBus& api = connection.api_;
    uint32_t id = 0;
    const char* path = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (api.sd_bus_message_read_basic(message, 'u', &id) > 0 &&
        api.sd_bus_message_read_basic(message, 'o', &path) > 0 &&
        api.sd_bus_message_read_basic(message, 's', &unit) > 0 &&
        api.sd_bus_message_read_basic(message, 's', &result) > 0) {
      connection.ended_.push_back({path, result});
    }
    return 0;
  }

  const SdBus& api_;
  sd_bus* bus_ = nullptr;
  std::vector<EndedJob> ended_;
};

/// One at a time: an operation opens it, and closes it when it ends.
std::unique_ptr<Connection> connection;

/// How many characters the first complete type of a signature has.
size_t type_length(std::string_view types) {
  if (types.empty()) return 0;
  if (types[0] == 'a') return 1 + type_length(types.substr(1));
  if (types[0] != '(') return 1;
  size_t end = 1;
  while (end < types.size() && types[end] != ')') end += type_length(types.substr(end));
  return end + 1;
}

/// Writes values from JavaScript into a message, by their D-Bus types.
class Writer {
 public:
  Writer(const SdBus& api, sd_bus_message* message) : api_(api), message_(message) {}

  /// Values one after the other, as the types of a call or of a structure.
  int append_all(std::string_view types, const Napi::Array& values) {
    uint32_t index = 0;
    for (size_t at = 0; at < types.size(); ++index) {
      const size_t length = type_length(types.substr(at));
      const int result = append(types.substr(at, length), values.Get(index));
      if (result < 0) return result;
      at += length;
    }
    return index == values.Length() ? 0 : -EINVAL;
  }

 private:
  int append(std::string_view type, const Napi::Value& value) {
    switch (type.empty() ? '\0' : type[0]) {
      case 'a':
        return append_array(type.substr(1), value);
      case '(':
        return append_container('r', type.substr(1, type.size() - 2), value);
      case 'v':
        return append_variant(value);
      default:
        return append_basic(type.empty() ? '\0' : type[0], value);
    }
  }

  int append_array(std::string_view element, const Napi::Value& value) {
    if (!value.IsArray()) return -EINVAL;
    const auto items = value.As<Napi::Array>();
    int result = api_.sd_bus_message_open_container(message_, 'a', std::string(element).c_str());
    for (uint32_t index = 0; result >= 0 && index < items.Length(); ++index) {
      result = append(element, items.Get(index));
    }
    return result < 0 ? result : api_.sd_bus_message_close_container(message_);
  }

  int append_container(char kind, std::string_view contents, const Napi::Value& value) {
    if (!value.IsArray()) return -EINVAL;
    int result = api_.sd_bus_message_open_container(message_, kind, std::string(contents).c_str());
    if (result >= 0) result = append_all(contents, value.As<Napi::Array>());
    return result < 0 ? result : api_.sd_bus_message_close_container(message_);
  }

  /// As { type, value }.
  int append_variant(const Napi::Value& value) {
    if (!value.IsObject()) return -EINVAL;
    const auto object = value.As<Napi::Object>();
    const Napi::Value type = object.Get("type");
    if (!type.IsString()) return -EINVAL;
    const std::string contents = type.As<Napi::String>().Utf8Value();
    int result = api_.sd_bus_message_open_container(message_, 'v', contents.c_str());
    if (result >= 0) result = append(contents, object.Get("value"));
    return result < 0 ? result : api_.sd_bus_message_close_container(message_);
  }

  int append_basic(char type, const Napi::Value& value) {
    if (type == 's' || type == 'o' || type == 'g') {
      if (!value.IsString()) return -EINVAL;
      const std::string text = value.As<Napi::String>().Utf8Value();
      return api_.sd_bus_message_append_basic(message_, type, text.c_str());
    }
    if (type == 'd') {
      if (!value.IsNumber()) return -EINVAL;
      const double number = value.As<Napi::Number>().DoubleValue();
      return api_.sd_bus_message_append_basic(message_, type, &number);
    }
    uint64_t bits = 0;
    if (!read_integer(value, bits)) return -EINVAL;
    return append_integer(type, bits);
  }

  int append_integer(char type, uint64_t bits) {
    const auto small = static_cast<uint8_t>(bits);
    const auto half = static_cast<uint16_t>(bits);
    const auto word = static_cast<uint32_t>(bits);
    const void* value = &bits;
    if (type == 'y') value = &small;
    if (type == 'n' || type == 'q') value = &half;
    if (type == 'b' || type == 'i' || type == 'u') value = &word;
    return api_.sd_bus_message_append_basic(message_, type, value);
  }

  static bool read_integer(const Napi::Value& value, uint64_t& bits) {
    if (value.IsBoolean()) {
      bits = value.As<Napi::Boolean>().Value() ? 1 : 0;
    } else if (value.IsBigInt()) {
      bool lossless = false;
      bits = value.As<Napi::BigInt>().Uint64Value(&lossless);
    } else if (value.IsNumber()) {
      bits = static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
    } else {
      return false;
    }
    return true;
  }

  const SdBus& api_;
  sd_bus_message* message_;
};

struct Call {
  std::string method;
  std::string types;
  Napi::Array args;
  bool waits_for_job;
  int timeout_ms;
};

Failure failure_of(const Error& error) {
  const char* name = error.number == 0 ? nullptr : strerrorname_np(error.number);
  return {name == nullptr ? "" : name, describe(error)};
}

Failure failure_of(const SdBus& api, int result, sd_bus_error& error, const std::string& what) {
  Failure failure;
  if (error.name != nullptr) {
    failure = {error.name, what + ": " + (error.message == nullptr ? error.name : error.message)};
  } else {
    failure = failure_of(Connection::check(result, "sd_bus_call", what).error());
  }
  api.sd_bus_error_free(&error);
  return failure;
}

/// The path of the job that was begun, or "" when the method begins none.
bool send_call(const Call& call, std::string& job, Failure& failure) {
  const SdBus& api = connection->api();
  sd_bus_message* message = nullptr;
  sd_bus_message* reply = nullptr;
  sd_bus_error error;
  int result = api.sd_bus_message_new_method_call(connection->bus(), &message, kService,
                                                  kManagerPath, kManager, call.method.c_str());
  if (result >= 0) result = Writer(api, message).append_all(call.types, call.args);
  if (result >= 0) {
    result = api.sd_bus_call(connection->bus(), message,
                             static_cast<uint64_t>(call.timeout_ms) * 1000, &error, &reply);
  }
  if (result < 0) {
    failure = failure_of(api, result, error, call.method);
  } else if (call.waits_for_job) {
    const char* path = nullptr;
    api.sd_bus_message_read_basic(reply, 'o', &path);
    job = path == nullptr ? "" : path;
  }
  api.sd_bus_message_unref(message);
  api.sd_bus_message_unref(reply);
  return result >= 0;
}

Napi::Value throw_failure(Napi::Env env, const Failure& failure) {
  Napi::Error made = Napi::Error::New(env, failure.text);
  if (!failure.name.empty()) made.Set("code", Napi::String::New(env, failure.name));
  made.ThrowAsJavaScriptException();
  return env.Undefined();
}

bool assert_connected(Napi::Env env) {
  if (connection) return true;
  throw_failure(env, {"ENOTCONN", "not connected to systemd"});
  return false;
}

}  // namespace

Napi::Value connect_manager(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string address = request.string("address");
  if (!request.ok()) return info.Env().Undefined();
  Result<const SdBus*> api = load_sd_bus();
  if (!api) return throw_error(info.Env(), api.error());
  auto opened = std::make_unique<Connection>(*api.value());
  if (auto result = opened->open(address); !result) return throw_error(info.Env(), result.error());
  connection = std::move(opened);
  return info.Env().Undefined();
}

Napi::Value disconnect_manager(const Napi::CallbackInfo& info) {
  connection.reset();
  return info.Env().Undefined();
}

Napi::Value call_manager(const Napi::CallbackInfo& info) {
  Request request(info);
  const Call call{request.string("method"), request.string("types"), request.array("args"),
                  request.boolean("waitForJob"), static_cast<int>(request.number("timeoutMs"))};
  if (!request.ok() || !assert_connected(info.Env())) return info.Env().Undefined();
  std::string job;
  Failure failure;
  if (!send_call(call, job, failure)) return throw_failure(info.Env(), failure);
  if (!call.waits_for_job) return Napi::String::New(info.Env(), "");
  Result<std::string> ended = connection->wait_for(job, call.timeout_ms);
  if (!ended) return throw_error(info.Env(), ended.error());
  return Napi::String::New(info.Env(), ended.value());
}

Napi::Value read_manager_property(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string unit = request.string("unit");
  const std::string interface = request.string("interface");
  const std::string property = request.string("property");
  if (!request.ok() || !assert_connected(info.Env())) return info.Env().Undefined();
  const SdBus& api = connection->api();
  char* path = nullptr;
  char* text = nullptr;
  sd_bus_error error;
  int result = unit.empty() ? 0 : api.sd_bus_path_encode(kUnitsPath, unit.c_str(), &path);
  if (result >= 0) {
    result = api.sd_bus_get_property_string(connection->bus(), kService,
                                            unit.empty() ? kManagerPath : path, interface.c_str(),
                                            property.c_str(), &error, &text);
  }
  const std::string value = text == nullptr ? "" : text;
  free(path);
  free(text);
  if (result < 0) return throw_failure(info.Env(), failure_of(api, result, error, property));
  return Napi::String::New(info.Env(), value);
}

}  // namespace tsoci::addon
