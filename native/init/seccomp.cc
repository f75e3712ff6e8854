// The filter, and the descriptor by which an agent hears of the system calls that it traps.
//
// Once the filter is loaded, this thread may make no system call but the execve: any other may be
// trapped, and then it waits for an agent that has no descriptor yet. So a second thread, from
// before the filter and therefore without one, hands the descriptor over, while this one waits in
// user space. docs/decisions/0008-a-thread-hands-over-the-seccomp-listener.md
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "init/execute.h"
#include "init/link.h"

namespace tsoci::init {
namespace {

/// One word that two threads share; std::atomic takes more of a C library than musl has.
class SharedInt {
 public:
  SharedInt(int value) : value_(value) {}  // NOLINT(google-explicit-constructor)
  int load() const { return __atomic_load_n(&value_, __ATOMIC_SEQ_CST); }
  void store(int value) { __atomic_store_n(&value_, value, __ATOMIC_SEQ_CST); }

 private:
  int value_;
};

/// What the two threads tell each other, without a system call.
struct HandOver {
  static constexpr int kNotYet = -1;
  static constexpr int kNone = -2;
  Context& context;
  SharedInt ready = 0;
  SharedInt listener = kNotYet;
  SharedInt done = 0;
};

/// Where system calls are still allowed, a waiting thread sleeps as long as a few of them take.
void wait_a_moment() {
  constexpr timespec kMoment{0, 20'000};
  nanosleep(&kMoment, nullptr);
}

void wait_in_user_space() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void* hand_over(void* argument) {
  HandOver& shared = *static_cast<HandOver*>(argument);
  // The first thread, when it is a real-time one, would never leave its processor to an equal. It
  // does to an ordinary one, for which the kernel keeps some time (sched(7)).
  const sched_param ordinary{};
  syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &ordinary);
  shared.ready.store(1);
  int listener = HandOver::kNotYet;
  while ((listener = shared.listener.load()) == HandOver::kNotYet) wait_a_moment();
  if (listener != HandOver::kNone) {
    // When nobody is there any more, this ends both threads: without an agent no trapped call would
    // ever return.
    Result<UniqueFd> sent = ask_driver(shared.context, wire::Request::kSendListener, listener);
    if (!sent) fail(shared.context, sent.error());
  }
  shared.done.store(1);
  return nullptr;
}

Result<pthread_t> start_second_thread(HandOver& shared) {
  pthread_t thread;
  errno = pthread_create(&thread, nullptr, hand_over, &shared);
  if (errno != 0) return Error::from_errno("pthread_create", "to hand over the seccomp listener");
  while (shared.ready.load() == 0) wait_a_moment();
  return thread;
}

Result<void> load_with_listener(Context& context, const wire::Bytes& program, uint32_t flags) {
  // A missing agent is told before anything is lost, and a slow one while we sleep.
  (void)TRY(ask_driver(context, wire::Request::kConnectListener));
  HandOver shared{context};
  const pthread_t thread = TRY(start_second_thread(shared));
  Result<int> listener = load_filter(program, flags);
  if (!listener) {
    shared.listener.store(HandOver::kNone);
    pthread_join(thread, nullptr);
    return listener.error();
  }
  shared.listener.store(listener.value());
  while (shared.done.load() == 0) wait_in_user_space();
  return {};
}

}  // namespace

Result<int> load_filter(const wire::Bytes& program, uint32_t flags) {
  const size_t count = program.size() / sizeof(sock_filter);
  // The kernel's field has 16 bits: a longer filter would be cut, and what is cut off allows.
  if (count == 0 || count > BPF_MAXINSNS || program.size() % sizeof(sock_filter) != 0) {
    return Error::refusal("a filter of %zu bytes, and the kernel takes 1 to %d instructions of %zu",
                          program.size(), BPF_MAXINSNS, sizeof(sock_filter));
  }
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(count);
  filter.filter = const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(program.data()));
  const long loaded = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (loaded >= 0) return static_cast<int>(loaded);
  return Error::from_errno("seccomp(SECCOMP_SET_MODE_FILTER)", "%u instructions, flags 0x%x",
                           filter.len, flags);
}

Result<void> carry_out(Context& context, const wire::LoadSeccompStep& step) {
  if ((step.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0) {
    return load_with_listener(context, step.program, step.flags);
  }
  (void)TRY(load_filter(step.program, step.flags));
  return {};
}

}  // namespace tsoci::init
