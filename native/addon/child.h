// A process that we have started, and that is ours to reap.
#ifndef TSOCI_NATIVE_ADDON_CHILD_H_
#define TSOCI_NATIVE_ADDON_CHILD_H_

#include <napi.h>
#include <sys/types.h>

#include "addon/request.h"
#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

struct ChildProcess {
  pid_t pid;
  sys::UniqueFd pidfd;
};

/// `{pid, pidfd}`, whose descriptor is the caller's from now on; or the error, made pending.
inline Napi::Value reply_with(Napi::Env env, sys::Result<ChildProcess> child) {
  if (!child) return throw_error(env, child.error());
  Napi::Object reply = Napi::Object::New(env);
  reply.Set("pid", Napi::Number::New(env, child.value().pid));
  reply.Set("pidfd", Napi::Number::New(env, child.value().pidfd.release()));
  return reply;
}

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_CHILD_H_
