#include "addon/request.h"

#include <ctype.h>
#include <string.h>

namespace tsoci::addon {

Request::Request(const Napi::CallbackInfo& info) : env_(info.Env()) {
  if (info.Length() == 1 && info[0].IsObject()) {
    object_ = info[0].As<Napi::Object>();
    return;
  }
  ok_ = false;
  Napi::TypeError::New(env_, "expected one request object").ThrowAsJavaScriptException();
}

void Request::refuse(const char* name, const char* expected) {
  if (!ok_) return;
  ok_ = false;
  Napi::TypeError::New(env_, std::string("request field \"") + name + "\" must be " + expected)
      .ThrowAsJavaScriptException();
}

Napi::Value Request::field(const char* name) {
  if (!ok_) return env_.Undefined();
  return object_.Get(name);
}

int64_t Request::number(const char* name) {
  const Napi::Value value = field(name);
  if (!value.IsNumber()) {
    refuse(name, "a number");
    return 0;
  }
  return value.As<Napi::Number>().Int64Value();
}

uint64_t Request::unsigned64(const char* name) {
  const Napi::Value value = field(name);
  if (!value.IsBigInt()) {
    refuse(name, "a bigint");
    return 0;
  }
  bool lossless = false;
  const int64_t as_signed = value.As<Napi::BigInt>().Int64Value(&lossless);
  if (lossless) return static_cast<uint64_t>(as_signed);
  const uint64_t as_unsigned = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) refuse(name, "a bigint of 64 bits");
  return as_unsigned;
}

bool Request::boolean(const char* name) {
  const Napi::Value value = field(name);
  if (!value.IsBoolean()) {
    refuse(name, "a boolean");
    return false;
  }
  return value.As<Napi::Boolean>().Value();
}

std::string Request::string(const char* name) {
  const Napi::Value value = field(name);
  if (!value.IsString()) {
    refuse(name, "a string");
    return {};
  }
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) {
    refuse(name, "a string without NUL");
    return {};
  }
  return text;
}

Napi::Array Request::array(const char* name) {
  const Napi::Value value = field(name);
  if (!value.IsArray()) {
    refuse(name, "an array");
    return Napi::Array::New(env_);
  }
  return value.As<Napi::Array>();
}

std::vector<std::string> Request::strings(const char* name) {
  const Napi::Array items = array(name);
  std::vector<std::string> texts;
  for (uint32_t index = 0; ok_ && index < items.Length(); ++index) {
    const Napi::Value item = items.Get(index);
    std::string text = item.IsString() ? item.As<Napi::String>().Utf8Value() : std::string(1, '\0');
    if (text.find('\0') != std::string::npos) {
      refuse(name, "an array of strings without NUL");
      return {};
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<int> Request::numbers(const char* name) {
  const Napi::Array items = array(name);
  std::vector<int> values;
  for (uint32_t index = 0; ok_ && index < items.Length(); ++index) {
    const Napi::Value item = items.Get(index);
    if (!item.IsNumber()) {
      refuse(name, "an array of numbers");
      return {};
    }
    values.push_back(item.As<Napi::Number>().Int32Value());
  }
  return values;
}

std::span<const uint8_t> Request::bytes(const char* name) {
  const Napi::Value value = field(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    refuse(name, "a Uint8Array");
    return {};
  }
  const Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

std::string describe_errno_number(int number) {
  const char* name = strerrorname_np(number);
  const char* description = strerrordesc_np(number);
  if (name == nullptr || description == nullptr) return "errno " + std::to_string(number);
  std::string text = description;
  // "Operation not permitted", but "RPC program not available".
  if (text.size() > 1 && islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(tolower(static_cast<unsigned char>(text[0])));
  }
  return text + " (" + name + ")";
}

std::string describe(const sys::Error& error) {
  std::string text = error.detail;
  if (error.number == 0) return text;
  if (!text.empty()) text += ": ";
  return text + error.call + ": " + describe_errno_number(error.number);
}

Napi::Error make_error(Napi::Env env, const sys::Error& error) {
  Napi::Error made = Napi::Error::New(env, describe(error));
  if (error.number != 0) {
    const char* name = strerrorname_np(error.number);
    made.Set("code", Napi::String::New(env, name != nullptr ? name : "UNKNOWN"));
    made.Set("errno", Napi::Number::New(env, -error.number));
    made.Set("syscall", Napi::String::New(env, error.call));
  }
  made.Set("detail", Napi::String::New(env, error.detail));
  return made;
}

Napi::Value throw_error(Napi::Env env, const sys::Error& error) {
  make_error(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace tsoci::addon
