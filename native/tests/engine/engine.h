// The little of a JavaScript engine that the addon needs: Node-API without JavaScript. With it the
// addon is called by the threads of a program of ours, where the thread sanitizer and valgrind see
// all there is; in an engine they would see the engine.
#ifndef TSOCI_NATIVE_TESTS_ENGINE_ENGINE_H_
#define TSOCI_NATIVE_TESTS_ENGINE_ENGINE_H_

#include <node_api.h>

#include <condition_variable>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tsoci::engine {

struct ThreadsafeFunction;

enum class State { kPending, kResolved, kRejected };

/// A value of any type: only the fields of its own are used. Handles are pointers to it.
struct Value : std::enable_shared_from_this<Value> {
  napi_valuetype type = napi_undefined;
  bool boolean = false;
  double number = 0;
  uint64_t bigint = 0;
  std::string text;
  bool is_array = false;
  std::map<std::string, std::shared_ptr<Value>> members;
  std::vector<std::shared_ptr<Value>> items;
  /// Of an array buffer and of the arrays of numbers that look at it.
  std::shared_ptr<std::vector<uint8_t>> bytes;
  napi_callback call = nullptr;
  void* call_data = nullptr;
  /// Of a promise.
  State state = State::kPending;
  std::shared_ptr<Value> outcome;
};
using ValuePointer = std::shared_ptr<Value>;

ValuePointer value_of(double number);
ValuePointer value_of(const std::string& text);
ValuePointer bigint_of(uint64_t number);
ValuePointer array_of(const std::vector<ValuePointer>& items);

/// What a function of the addon is called with.
struct Call {
  ValuePointer argument;
  void* data;
};

using Fields = std::initializer_list<std::pair<const std::string, ValuePointer>>;

/// One environment: a thread of the main engine or of a worker. Used by the thread that made it.
class Environment {
 public:
  /// Loads the addon: its functions are found by name.
  explicit Environment(napi_addon_register_func load);
  /// As an engine ends a thread: whatever is still to come is abandoned.
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// Calls a function with one request object. An exception is answered as an object whose member
  /// `thrown` is true.
  ValuePointer call(const std::string& name, Fields request);
  /// One turn of the event loop: waits until another thread has something for this one, unless told
  /// not to.
  void turn(bool may_wait = true);

  napi_env handle() { return reinterpret_cast<napi_env>(this); }

 private:
  friend struct Bindings;
  friend struct ThreadsafeFunction;
  struct Hook {
    void (*run)(void*);
    void* argument;
  };
  struct Finalizer {
    napi_finalize run;
    void* data;
    void* hint;
  };

  napi_value keep(ValuePointer value);
  void wake(ThreadsafeFunction* function);
  void forget(ThreadsafeFunction* function);

  ValuePointer exports_;
  ValuePointer exception_;
  std::vector<ValuePointer> handles_;
  std::vector<Hook> hooks_;
  std::vector<Finalizer> finalizers_;
  std::set<ValuePointer*> deferreds_;
  std::mutex mutex_;
  std::condition_variable woken_;
  /// Those with something to say. Held for it: `mutex_`.
  std::set<ThreadsafeFunction*> ready_;
  std::set<ThreadsafeFunction*> functions_;
};

}  // namespace tsoci::engine

#endif  // TSOCI_NATIVE_TESTS_ENGINE_ENGINE_H_
