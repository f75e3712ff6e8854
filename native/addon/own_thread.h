// A thread for one errand, with a root, a working directory and mounts of its own.
#ifndef TSOCI_NATIVE_ADDON_OWN_THREAD_H_
#define TSOCI_NATIVE_ADDON_OWN_THREAD_H_

#include <pthread.h>
#include <sched.h>

#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

/// Calls `errand` in a thread of its own and waits for it: with a root and working directory of its
/// own (CLONE_FS) a single thread may go elsewhere and enter another mount namespace, and keep the
/// driver's user namespace and rights.
template <typename Errand>
sys::Result<sys::UniqueFd> call_in_thread(Errand errand) {
  struct Call {
    Errand& errand;
    sys::Result<sys::UniqueFd> result;
  } call{errand, sys::Error::refusal("no thread ran")};
  const auto run = [](void* argument) -> void* {
    Call& own = *static_cast<Call*>(argument);
    own.result = unshare(CLONE_FS) < 0 ? sys::Error::from_errno("unshare(CLONE_FS)") : own.errand();
    return nullptr;
  };
  pthread_t thread;
  // Where there are too many processes already, this says so: std::thread would end the driver.
  if (const int number = pthread_create(&thread, nullptr, run, &call); number != 0) {
    errno = number;
    return sys::Error::from_errno("pthread_create");
  }
  pthread_join(thread, nullptr);
  return std::move(call.result);
}

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_OWN_THREAD_H_
