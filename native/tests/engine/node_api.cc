// The functions of Node-API that the addon calls, each as Node documents it.
#include <node_api.h>
#include <string.h>

#include <algorithm>

#include "tests/engine/threadsafe_function.h"

namespace tsoci::engine {

/// Reaches into an environment for the functions below.
struct Bindings {
  static Environment& of(napi_env env) { return *reinterpret_cast<Environment*>(env); }
  static Value& of(napi_value value) { return *reinterpret_cast<Value*>(value); }
  static napi_status give(napi_env env, ValuePointer value, napi_value* result) {
    *result = of(env).keep(std::move(value));
    return napi_ok;
  }
  static ValuePointer make(napi_valuetype type) {
    auto value = std::make_shared<Value>();
    value->type = type;
    return value;
  }
  static auto& handles(napi_env env) { return of(env).handles_; }
  static auto& hooks(napi_env env) { return of(env).hooks_; }
  static auto& finalizers(napi_env env) { return of(env).finalizers_; }
  static auto& exception(napi_env env) { return of(env).exception_; }
  static auto& deferreds(napi_env env) { return of(env).deferreds_; }
  static auto& functions(napi_env env) { return of(env).functions_; }
};

namespace {

using B = Bindings;

napi_status settle(napi_env env, napi_deferred deferred, napi_value outcome, State state) {
  // The deferred owns a pointer to its promise, and is used up.
  const std::unique_ptr<ValuePointer> promise(reinterpret_cast<ValuePointer*>(deferred));
  B::deferreds(env).erase(promise.get());
  (*promise)->state = state;
  (*promise)->outcome = B::of(outcome).shared_from_this();
  return napi_ok;
}

}  // namespace
}  // namespace tsoci::engine

using namespace tsoci::engine;

extern "C" {

napi_status napi_add_env_cleanup_hook(node_api_basic_env env, void (*run)(void*), void* argument) {
  B::hooks(env).push_back({run, argument});
  return napi_ok;
}

napi_status napi_remove_env_cleanup_hook(node_api_basic_env env, void (*run)(void*),
                                         void* argument) {
  std::erase_if(B::hooks(env),
                [&](const auto& hook) { return hook.run == run && hook.argument == argument; });
  return napi_ok;
}

napi_status napi_add_finalizer(napi_env env, napi_value, void* data, node_api_basic_finalize run,
                               void* hint, napi_ref*) {
  B::finalizers(env).push_back({run, data, hint});
  return napi_ok;
}

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* scope) {
  *scope = reinterpret_cast<napi_handle_scope>(B::handles(env).size());
  return napi_ok;
}

napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  B::handles(env).resize(reinterpret_cast<size_t>(scope));
  return napi_ok;
}

napi_status napi_get_undefined(napi_env env, napi_value* result) {
  return B::give(env, B::make(napi_undefined), result);
}

napi_status napi_get_boolean(napi_env env, bool boolean, napi_value* result) {
  ValuePointer value = B::make(napi_boolean);
  value->boolean = boolean;
  return B::give(env, value, result);
}

napi_status napi_create_double(napi_env env, double number, napi_value* result) {
  return B::give(env, value_of(number), result);
}

napi_status napi_create_bigint_uint64(napi_env env, uint64_t number, napi_value* result) {
  return B::give(env, bigint_of(number), result);
}

napi_status napi_create_string_utf8(napi_env env, const char* text, size_t size,
                                    napi_value* result) {
  return B::give(env, value_of(std::string(text, size == NAPI_AUTO_LENGTH ? strlen(text) : size)),
                 result);
}

napi_status napi_create_object(napi_env env, napi_value* result) {
  return B::give(env, B::make(napi_object), result);
}

napi_status napi_create_array(napi_env env, napi_value* result) {
  return B::give(env, array_of({}), result);
}

napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  std::vector<ValuePointer> items(length);
  for (ValuePointer& item : items) item = B::make(napi_undefined);
  return B::give(env, array_of(items), result);
}

napi_status napi_create_arraybuffer(napi_env env, size_t size, void** data, napi_value* result) {
  ValuePointer value = B::make(napi_object);
  value->bytes = std::make_shared<std::vector<uint8_t>>(size);
  if (data != nullptr) *data = value->bytes->data();
  return B::give(env, value, result);
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type, size_t, napi_value buffer,
                                   size_t, napi_value* result) {
  ValuePointer value = B::make(napi_object);
  value->bytes = B::of(buffer).bytes;
  return B::give(env, value, result);
}

napi_status napi_get_arraybuffer_info(napi_env, napi_value value, void** data, size_t* size) {
  if (data != nullptr) *data = B::of(value).bytes->data();
  if (size != nullptr) *size = B::of(value).bytes->size();
  return napi_ok;
}

napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type,
                                     size_t* length, void** data, napi_value* buffer,
                                     size_t* offset) {
  const auto& bytes = B::of(value).bytes;
  if (type != nullptr) *type = napi_uint8_array;
  if (length != nullptr) *length = bytes->size();
  if (data != nullptr) *data = bytes->data();
  if (buffer != nullptr) B::give(env, B::of(value).shared_from_this(), buffer);
  if (offset != nullptr) *offset = 0;
  return napi_ok;
}

napi_status napi_create_function(napi_env env, const char*, size_t, napi_callback call, void* data,
                                 napi_value* result) {
  ValuePointer value = B::make(napi_function);
  value->call = call;
  value->call_data = data;
  return B::give(env, value, result);
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count,
                             napi_value* arguments, napi_value* self, void** data) {
  const Call& call = *reinterpret_cast<const Call*>(info);
  if (arguments != nullptr && *count > 0) {
    arguments[0] = reinterpret_cast<napi_value>(call.argument.get());
  }
  if (count != nullptr) *count = 1;
  if (self != nullptr) napi_get_undefined(env, self);
  if (data != nullptr) *data = call.data;
  return napi_ok;
}

napi_status napi_typeof(napi_env, napi_value value, napi_valuetype* result) {
  *result = B::of(value).type;
  return napi_ok;
}

napi_status napi_is_array(napi_env, napi_value value, bool* result) {
  *result = B::of(value).is_array;
  return napi_ok;
}

napi_status napi_is_typedarray(napi_env, napi_value value, bool* result) {
  *result = B::of(value).bytes != nullptr;
  return napi_ok;
}

napi_status napi_get_value_bool(napi_env, napi_value value, bool* result) {
  *result = B::of(value).boolean;
  return napi_ok;
}

napi_status napi_get_value_double(napi_env, napi_value value, double* result) {
  *result = B::of(value).number;
  return napi_ok;
}

napi_status napi_get_value_int32(napi_env, napi_value value, int32_t* result) {
  *result = static_cast<int32_t>(B::of(value).number);
  return napi_ok;
}

napi_status napi_get_value_int64(napi_env, napi_value value, int64_t* result) {
  *result = static_cast<int64_t>(B::of(value).number);
  return napi_ok;
}

napi_status napi_get_value_bigint_int64(napi_env, napi_value value, int64_t* result,
                                        bool* is_lossless) {
  *result = static_cast<int64_t>(B::of(value).bigint);
  *is_lossless = *result >= 0;
  return napi_ok;
}

napi_status napi_get_value_bigint_uint64(napi_env, napi_value value, uint64_t* result,
                                         bool* is_lossless) {
  *result = B::of(value).bigint;
  *is_lossless = true;
  return napi_ok;
}

napi_status napi_get_value_string_utf8(napi_env, napi_value value, char* buffer, size_t room,
                                       size_t* size) {
  const std::string& text = B::of(value).text;
  const size_t copied = buffer == nullptr ? text.size() : std::min(text.size(), room - 1);
  if (buffer != nullptr) {
    text.copy(buffer, copied);
    buffer[copied] = '\0';
  }
  if (size != nullptr) *size = copied;
  return napi_ok;
}

napi_status napi_set_named_property(napi_env, napi_value object, const char* name,
                                    napi_value value) {
  B::of(object).members[name] = B::of(value).shared_from_this();
  return napi_ok;
}

napi_status napi_get_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value* result) {
  const auto found = B::of(object).members.find(name);
  if (found == B::of(object).members.end()) return napi_get_undefined(env, result);
  return B::give(env, found->second, result);
}

napi_status napi_get_property(napi_env env, napi_value object, napi_value key, napi_value* result) {
  return napi_get_named_property(env, object, B::of(key).text.c_str(), result);
}

napi_status napi_has_property(napi_env, napi_value object, napi_value key, bool* result) {
  *result = B::of(object).members.contains(B::of(key).text);
  return napi_ok;
}

/// Only for errors that are no objects, of which we have none.
napi_status napi_define_properties(napi_env, napi_value, size_t, const napi_property_descriptor*) {
  return napi_generic_failure;
}

napi_status napi_get_array_length(napi_env, napi_value array, uint32_t* length) {
  *length = static_cast<uint32_t>(B::of(array).items.size());
  return napi_ok;
}

napi_status napi_get_element(napi_env env, napi_value array, uint32_t index, napi_value* result) {
  const auto& items = B::of(array).items;
  if (index >= items.size()) return napi_get_undefined(env, result);
  return B::give(env, items[index], result);
}

napi_status napi_set_element(napi_env, napi_value array, uint32_t index, napi_value value) {
  auto& items = B::of(array).items;
  if (index >= items.size()) items.resize(index + 1);
  items[index] = B::of(value).shared_from_this();
  return napi_ok;
}

napi_status napi_create_error(napi_env env, napi_value, napi_value message, napi_value* result) {
  ValuePointer error = B::make(napi_object);
  error->members["message"] = B::of(message).shared_from_this();
  return B::give(env, error, result);
}

napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message,
                                   napi_value* result) {
  return napi_create_error(env, code, message, result);
}

napi_status napi_throw(napi_env env, napi_value error) {
  B::exception(env) = B::of(error).shared_from_this();
  return napi_ok;
}

napi_status napi_is_exception_pending(napi_env env, bool* result) {
  *result = B::exception(env) != nullptr;
  return napi_ok;
}

napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  ValuePointer exception = std::move(B::exception(env));
  B::exception(env).reset();
  if (!exception) return napi_get_undefined(env, result);
  return B::give(env, exception, result);
}

napi_status napi_get_last_error_info(node_api_basic_env, const napi_extended_error_info** result) {
  static const napi_extended_error_info kNone{};
  *result = &kNone;
  return napi_ok;
}

void napi_fatal_error(const char*, size_t, const char* message, size_t) {
  fprintf(stderr, "the addon gives up: %s\n", message);
  abort();
}

napi_status napi_create_reference(napi_env, napi_value value, uint32_t, napi_ref* result) {
  *result = reinterpret_cast<napi_ref>(new ValuePointer(B::of(value).shared_from_this()));
  return napi_ok;
}

napi_status napi_delete_reference(node_api_basic_env, napi_ref reference) {
  delete reinterpret_cast<ValuePointer*>(reference);
  return napi_ok;
}

napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  return B::give(env, *reinterpret_cast<ValuePointer*>(reference), result);
}

napi_status napi_create_promise(napi_env env, napi_deferred* deferred, napi_value* promise) {
  ValuePointer value = B::make(napi_object);
  auto* owned = new ValuePointer(value);
  B::deferreds(env).insert(owned);
  *deferred = reinterpret_cast<napi_deferred>(owned);
  return B::give(env, value, promise);
}

napi_status napi_resolve_deferred(napi_env env, napi_deferred deferred, napi_value outcome) {
  return settle(env, deferred, outcome, State::kResolved);
}

napi_status napi_reject_deferred(napi_env env, napi_deferred deferred, napi_value outcome) {
  return settle(env, deferred, outcome, State::kRejected);
}

napi_status napi_create_threadsafe_function(napi_env env, napi_value, napi_value, napi_value,
                                            size_t most, size_t threads, void*, napi_finalize,
                                            void* context, napi_threadsafe_function_call_js call,
                                            napi_threadsafe_function* result) {
  auto* function = new ThreadsafeFunction;
  function->most = most;
  function->threads = threads;
  function->environment = &B::of(env);
  function->context = context;
  function->call = call;
  B::functions(env).insert(function);
  *result = reinterpret_cast<napi_threadsafe_function>(function);
  return napi_ok;
}

napi_status napi_call_threadsafe_function(napi_threadsafe_function function, void* data,
                                          napi_threadsafe_function_call_mode) {
  return reinterpret_cast<ThreadsafeFunction*>(function)->push(data);
}

napi_status napi_release_threadsafe_function(napi_threadsafe_function function,
                                             napi_threadsafe_function_release_mode) {
  return reinterpret_cast<ThreadsafeFunction*>(function)->release();
}

}  // extern "C"
