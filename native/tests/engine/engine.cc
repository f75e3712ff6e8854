#include "tests/engine/engine.h"

#include <algorithm>

#include "tests/engine/threadsafe_function.h"

namespace tsoci::engine {

ValuePointer value_of(double number) {
  auto value = std::make_shared<Value>();
  value->type = napi_number;
  value->number = number;
  return value;
}

ValuePointer bigint_of(uint64_t number) {
  auto value = std::make_shared<Value>();
  value->type = napi_bigint;
  value->bigint = number;
  return value;
}

ValuePointer value_of(const std::string& text) {
  auto value = std::make_shared<Value>();
  value->type = napi_string;
  value->text = text;
  return value;
}

ValuePointer array_of(const std::vector<ValuePointer>& items) {
  auto value = std::make_shared<Value>();
  value->type = napi_object;
  value->is_array = true;
  value->items = items;
  return value;
}

Environment::Environment(napi_addon_register_func load) : exports_(std::make_shared<Value>()) {
  exports_->type = napi_object;
  load(handle(), reinterpret_cast<napi_value>(exports_.get()));
  handles_.clear();
}

Environment::~Environment() {
  // Newest first, as the addon relies on; a hook may take others away.
  while (!hooks_.empty()) {
    const Hook hook = hooks_.back();
    hooks_.pop_back();
    hook.run(hook.argument);
  }
  for (ThreadsafeFunction* function : functions_) function->abandon();
  for (const Finalizer& finalizer : finalizers_) {
    finalizer.run(handle(), finalizer.data, finalizer.hint);
  }
  // What nobody has settled.
  for (ValuePointer* deferred : deferreds_) delete deferred;
}

ValuePointer Environment::call(const std::string& name, Fields request) {
  const ValuePointer function = exports_->members.at(name);
  Call call{std::make_shared<Value>(), function->call_data};
  call.argument->type = napi_object;
  call.argument->members = {request.begin(), request.end()};
  const napi_value answer = function->call(handle(), reinterpret_cast<napi_callback_info>(&call));
  ValuePointer result = std::make_shared<Value>();
  if (exception_) {
    result = std::move(exception_);
    exception_.reset();
    result->members["thrown"] = value_of(1);
  } else if (answer != nullptr) {
    result = reinterpret_cast<Value*>(answer)->shared_from_this();
  }
  handles_.clear();
  return result;
}

void Environment::turn(bool may_wait) {
  std::set<ThreadsafeFunction*> ready;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (may_wait) woken_.wait(lock, [&] { return !ready_.empty(); });
    ready.swap(ready_);
  }
  for (ThreadsafeFunction* function : ready) function->dispatch();
  handles_.clear();
}

napi_value Environment::keep(ValuePointer value) {
  handles_.push_back(std::move(value));
  return reinterpret_cast<napi_value>(handles_.back().get());
}

void Environment::wake(ThreadsafeFunction* function) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ready_.insert(function);
  woken_.notify_one();
}

void Environment::forget(ThreadsafeFunction* function) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ready_.erase(function);
  functions_.erase(function);
}

napi_status ThreadsafeFunction::push(void* data) {
  std::unique_lock<std::mutex> lock(mutex);
  room.wait(lock, [&] { return most == 0 || queue.size() < most; });
  queue.push_back(data);
  environment->wake(this);
  return napi_ok;
}

napi_status ThreadsafeFunction::release() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (--threads == 0) environment->wake(this);
  return napi_ok;
}

void ThreadsafeFunction::dispatch() {
  bool has_call = false;
  bool is_over = false;
  void* data = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    has_call = !queue.empty();
    if (has_call) {
      data = queue.front();
      queue.pop_front();
      room.notify_one();
    }
    is_over = queue.empty() && threads == 0;
    if (!queue.empty()) environment->wake(this);
  }
  if (has_call) call(environment->handle(), nullptr, context, data);
  if (!is_over) return;
  environment->forget(this);
  delete this;
}

void ThreadsafeFunction::abandon() {
  for (void* data : queue) call(nullptr, nullptr, context, data);
  delete this;
}

}  // namespace tsoci::engine
