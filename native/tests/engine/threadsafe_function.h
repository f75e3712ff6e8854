// A queue by which other threads call into an environment's own: Node-API's threadsafe functions.
#ifndef TSOCI_NATIVE_TESTS_ENGINE_THREADSAFE_FUNCTION_H_
#define TSOCI_NATIVE_TESTS_ENGINE_THREADSAFE_FUNCTION_H_

#include <deque>

#include "tests/engine/engine.h"

namespace tsoci::engine {

/// Goes with its environment, whoever has it still, or when no thread has it any more: whoever
/// calls it then calls what is gone.
struct ThreadsafeFunction {
  std::mutex mutex;
  std::condition_variable room;
  std::deque<void*> queue;
  size_t most = 0;
  size_t threads = 0;
  Environment* environment = nullptr;
  void* context = nullptr;
  napi_threadsafe_function_call_js call = nullptr;

  /// Called by any thread that has it.
  napi_status push(void* data);
  napi_status release();
  /// Called by the environment's thread: one call, and its end when no thread has it any more.
  void dispatch();
  /// Called by the environment's thread: what is on its way is told that there is no environment.
  void abandon();
};

}  // namespace tsoci::engine

#endif  // TSOCI_NATIVE_TESTS_ENGINE_THREADSAFE_FUNCTION_H_
