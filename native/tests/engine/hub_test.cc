// The hub, its waits and its copies, by several threads at once that come and go.
//
// Arguments: the addon, how many registrations a thread makes, and a seed. One thread each stands
// for the main thread of an engine and its workers.
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "sys/fd.h"
#include "tests/engine/engine.h"
#include "tests/units/expect.h"

namespace {

using namespace tsoci::engine;
using tsoci::sys::UniqueFd;

constexpr int kThreads = 4;
/// Bells that all threads ring and wait for.
constexpr size_t kBells = 16;
/// No more promises than these are waited for at once by one thread.
constexpr size_t kMostPending = 64;

napi_addon_register_func load = nullptr;
int rounds = 0;
uint64_t seed = 0;

size_t count_open_fds() {
  size_t count = 0;
  for (int fd = 0; fd < 4096; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

UniqueFd open_bell() {
  UniqueFd bell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  EXPECT(bell.is_open());
  return bell;
}

void ring(int bell) {
  const uint64_t number = 1;
  EXPECT(write(bell, &number, sizeof(number)) == sizeof(number) || errno == EAGAIN);
}

bool is_thrown(const ValuePointer& answer) { return answer->members.contains("thrown"); }

std::string why(const ValuePointer& error) {
  const auto found = error->members.find("message");
  return found == error->members.end() ? "" : found->second->text;
}

ValuePointer call(Environment& environment, const std::string& name, Fields request) {
  ValuePointer answer = environment.call(name, request);
  if (is_thrown(answer)) {
    fprintf(stderr, "%s: %s\n", name.c_str(), why(answer).c_str());
    exit(1);
  }
  return answer;
}

ValuePointer wait_for(Environment& environment, int fd, int timeout_ms) {
  return call(environment, "waitReadableAsync",
              {{"fd", value_of(fd)}, {"timeoutMs", value_of(timeout_ms)}});
}

/// Turns the event loop until all of these promises are settled.
void turn_until_settled(Environment& environment, std::vector<ValuePointer>& promises) {
  for (const ValuePointer& promise : promises) {
    while (promise->state == State::kPending) environment.turn();
    if (promise->state == State::kRejected) {
      fprintf(stderr, "rejected: %s\n", why(promise->outcome).c_str());
      exit(1);
    }
  }
  promises.clear();
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Pipe open_pipe() {
  int ends[2];
  EXPECT(pipe2(ends, O_CLOEXEC) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

struct RunningCopy {
  ValuePointer ended;
  double id;
};

RunningCopy start_copy(Environment& environment, const UniqueFd& from, const UniqueFd& to) {
  const ValuePointer started = call(
      environment, "startCopy", {{"fromFd", value_of(from.get())}, {"toFd", value_of(to.get())}});
  return {started->members["ended"], started->members["copy"]->number};
}

void end_copy(Environment& environment, double id) {
  call(environment, "endCopy", {{"copy", value_of(id)}});
}

/// A copy of what goes through a pipe: how many bytes were put in, and where they have to arrive.
struct CountedCopy {
  RunningCopy running;
  UniqueFd written;
  size_t expected;
};

CountedCopy copy_bytes(Environment& environment, size_t size) {
  const Pipe pipe = open_pipe();
  UniqueFd written(memfd_create("copied", MFD_CLOEXEC));
  RunningCopy running = start_copy(environment, pipe.read_end, written);
  const std::string bytes(size, 'x');
  EXPECT(write(pipe.write_end.get(), bytes.data(), size) == static_cast<ssize_t>(size));
  return {std::move(running), std::move(written), size};
}

pid_t start_program(Environment& environment) {
#ifdef __SANITIZE_THREAD__
  // It takes every clone(2) for a fork, and a child that shares our memory would end its own there.
  (void)environment;
  const pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/true", "true", nullptr);
    _exit(127);
  }
  return pid;
#else
  const ValuePointer program = call(environment, "startProgram",
                                    {{"path", value_of("/bin/true")},
                                     {"args", array_of({value_of("true")})},
                                     {"env", array_of({})},
                                     {"fds", array_of({value_of(0), value_of(1), value_of(2)})},
                                     {"nofileSoft", bigint_of(UINT64_MAX)},
                                     {"bindSource", value_of("")},
                                     {"bindTarget", value_of("")}});
  close(static_cast<int>(program->members["pidfd"]->number));
  return static_cast<pid_t>(program->members["pid"]->number);
#endif
}

/// What all threads ring, wait for and end.
struct Shared {
  std::array<UniqueFd, kBells> bells;
  /// Copies that end only when somebody tells them to.
  std::array<std::atomic<double>, kBells> unending{};
};

/// What one thread does, by chance.
class Worker {
 public:
  Worker(int number, Shared& shared)
      : chance_(seed + static_cast<uint64_t>(number)), shared_(shared) {}

  void run() {
    begin();
    for (int round = 0; round < rounds; ++round) {
      act(round);
      environment_->turn(false);
      if (promises_.size() >= kMostPending) settle_all();
      if (copies_.size() + unending_.size() >= kMostPending / 2) settle_copies();
      // A worker thread of an engine ends, with all that it waits for, and another one begins.
      if (below(200) == 0) {
        promises_.clear();
        copies_.clear();
        unending_.clear();
        environment_.reset();
        begin();
      }
    }
    settle_all();
    settle_copies();
    environment_.reset();
  }

 private:
  size_t below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(chance_);
  }

  void begin() { environment_ = std::make_unique<Environment>(load); }

  void act(int round) {
    const int bell = shared_.bells[below(kBells)].get();
    switch (below(9)) {
      case 0:
      case 1: {
        // Closed at once: the hub has its own.
        const UniqueFd copy(fcntl(bell, F_DUPFD_CLOEXEC, 0));
        promises_.push_back(wait_for(*environment_, copy.get(), -1));
        break;
      }
      case 2:
        promises_.push_back(wait_for(*environment_, bell, static_cast<int>(below(4))));
        break;
      case 3:
      case 4:
        ring(bell);
        break;
      case 5:
        copies_.push_back(copy_bytes(*environment_, below(4096)));
        break;
      case 6:
        unending_.push_back(start_copy(*environment_, silent_.read_end, silent_.write_end));
        shared_.unending[below(kBells)] = unending_.back().id;
        break;
      case 7:
        // Whoever's it is.
        end_copy(*environment_, shared_.unending[below(kBells)]);
        break;
      default:
        if (round % 16 == 0) start_and_wait();
    }
  }

  /// A program, whose end is waited for by its pidfd.
  void start_and_wait() {
    const pid_t pid = start_program(*environment_);
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    // Valgrind knows no pidfd_open(2).
    EXPECT(pidfd.is_open() || errno == ENOSYS);
    if (pidfd.is_open()) {
      std::vector<ValuePointer> ended{wait_for(*environment_, pidfd.get(), -1)};
      turn_until_settled(*environment_, ended);
    }
    int status = -1;
    EXPECT(waitpid(pid, &status, 0) == pid);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  void settle_all() {
    for (const UniqueFd& bell : shared_.bells) ring(bell.get());
    turn_until_settled(*environment_, promises_);
  }

  void settle_copies() {
    for (const RunningCopy& copy : unending_) {
      end_copy(*environment_, copy.id);
      end_copy(*environment_, copy.id);
      promises_.push_back(copy.ended);
    }
    unending_.clear();
    settle_all();
    for (CountedCopy& copy : copies_) {
      std::vector<ValuePointer> ended{copy.running.ended};
      turn_until_settled(*environment_, ended);
      const off_t arrived = lseek(copy.written.get(), 0, SEEK_END);
      EXPECT(arrived == static_cast<off_t>(copy.expected));
    }
    copies_.clear();
  }

  std::mt19937_64 chance_;
  Shared& shared_;
  /// Nobody ever writes to it but the copies from it to itself.
  Pipe silent_ = open_pipe();
  std::unique_ptr<Environment> environment_;
  std::vector<ValuePointer> promises_;
  std::vector<CountedCopy> copies_;
  std::vector<RunningCopy> unending_;
};

void waits_copies_and_ends_of_threads_at_once() {
  const size_t before = count_open_fds();
  {
    Shared shared;
    for (UniqueFd& bell : shared.bells) bell = open_bell();
    std::vector<std::thread> threads;
    for (int number = 0; number < kThreads; ++number) {
      threads.emplace_back([&shared, number] { Worker(number, shared).run(); });
    }
    for (std::thread& thread : threads) thread.join();
  }
  // The hub's own descriptors went with the last environment.
  EXPECT(count_open_fds() == before);
}

void each_wait_ends_with_its_own_bell() {
  Environment environment(load);
  std::array<UniqueFd, kBells> bells;
  for (UniqueFd& bell : bells) bell = open_bell();
  std::vector<ValuePointer> waits;
  for (const UniqueFd& bell : bells) waits.push_back(wait_for(environment, bell.get(), -1));
  for (size_t index = kBells; index-- > 0;) {
    ring(bells[index].get());
    while (waits[index]->state == State::kPending) environment.turn();
    EXPECT(waits[index]->outcome->boolean);
    for (size_t other = 0; other < index; ++other) EXPECT(waits[other]->state == State::kPending);
  }
}

void a_wait_that_cannot_begin_is_refused() {
  Environment environment(load);
  const ValuePointer answer =
      environment.call("waitReadableAsync", {{"fd", value_of(-1)}, {"timeoutMs", value_of(0)}});
  EXPECT(is_thrown(answer) && why(answer).find("EBADF") != std::string::npos);
}

void copies_are_ended_by_another_thread() {
  Environment environment(load);
  const Pipe pipe = open_pipe();
  const UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  for (int round = 0; round < rounds / 10; ++round) {
    const RunningCopy copy = start_copy(environment, pipe.read_end, null);
    std::thread([&copy] {
      Environment other(load);
      end_copy(other, copy.id);
      end_copy(other, copy.id);
    }).join();
    std::vector<ValuePointer> ended{copy.ended};
    turn_until_settled(environment, ended);
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 4) return 2;
  void* addon = dlopen(arguments[1], RTLD_NOW);
  if (addon == nullptr) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  load = reinterpret_cast<napi_addon_register_func>(dlsym(addon, "napi_register_module_v1"));
  EXPECT(load != nullptr);
  rounds = atoi(arguments[2]);
  seed = strtoull(arguments[3], nullptr, 10);
  return tsoci::test::run({
      {"each wait ends with its own descriptor", each_wait_ends_with_its_own_bell},
      {"a wait that cannot begin is refused", a_wait_that_cannot_begin_is_refused},
      {"a copy is ended from another thread, and twice", copies_are_ended_by_another_thread},
      {"threads wait, copy, start programs and end at once",
       waits_copies_and_ends_of_threads_at_once},
  });
}
