// Names and checks what is kept of compiled seccomp filters.
#include <seccomp.h>
#include <sys/utsname.h>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/sha256.h"

namespace tsoci::addon {
namespace {

using sys::Digest;
using sys::Sha256;

Napi::Value reply_digest(Napi::Env env, const Digest& digest) {
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, digest.size());
  std::memcpy(bytes.Data(), digest.data(), digest.size());
  return bytes;
}

/// With its final NUL, so that two texts in a row are not a third.
void add_text(Sha256& hash, const char* text) { hash.add(text, std::strlen(text) + 1); }

}  // namespace

Napi::Value sha256(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::span<const uint8_t> bytes = request.bytes("bytes");
  if (!request.ok()) return info.Env().Undefined();
  return reply_digest(info.Env(), Sha256().add(bytes.data(), bytes.size()).finish());
}

Napi::Value seccomp_key(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string text = request.string("text");
  if (!request.ok()) return info.Env().Undefined();
  const scmp_version* version = seccomp_version();
  const uint32_t library[] = {version->major, version->minor, version->micro,
                              seccomp_arch_native()};
  Sha256 hash;
  hash.add(library, sizeof(library));
  // libseccomp asks the kernel which actions there are.
  utsname kernel{};
  uname(&kernel);
  add_text(hash, kernel.release);
  add_text(hash, text.c_str());
  return reply_digest(info.Env(), hash.finish());
}

}  // namespace tsoci::addon
