// A process that we have started, and that is ours to reap.
#ifndef TSOCI_NATIVE_ADDON_CHILD_H_
#define TSOCI_NATIVE_ADDON_CHILD_H_

#include <napi.h>
#include <sys/types.h>
#include <sys/wait.h>

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

/// `{status, signal}`: how it ended, as waitid(2) has told; one of them is 0.
inline Napi::Object reply_of_end(Napi::Env env, const siginfo_t& ended) {
  const bool exited = ended.si_code == CLD_EXITED;
  Napi::Object reply = Napi::Object::New(env);
  reply.Set("status", Napi::Number::New(env, exited ? ended.si_status : 0));
  reply.Set("signal", Napi::Number::New(env, exited ? 0 : ended.si_status));
  return reply;
}

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_CHILD_H_
