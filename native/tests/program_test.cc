// tsoci-init as a program: plans that no driver of ours writes, and drivers that go away.
//
// The first argument is the program, the second the sentence of a case to leave out. Needs no root.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "generated/plan.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "tests/units/expect.h"

namespace {

using tsoci::sys::UniqueFd;
using namespace tsoci::wire;

const char* init_program = nullptr;

constexpr uint32_t kTraceFlag = 1;
constexpr int kLinkFd = 200;
constexpr int kGateFd = 201;

/// Numbers and strings as the driver writes them.
class Encoder {
 public:
  Encoder& u32(uint32_t value) { return raw(&value, sizeof(value)); }
  Encoder& raw(const void* bytes, size_t size) {
    text_.append(static_cast<const char*>(bytes), size);
    text_.resize((text_.size() + 3) & ~size_t{3});
    return *this;
  }
  Encoder& blob(const std::string& bytes) {
    return u32(static_cast<uint32_t>(bytes.size())).raw(bytes.data(), bytes.size());
  }
  Encoder& string(const std::string& text) { return blob(text + '\0'); }
  Encoder& strings(const std::vector<std::string>& texts) {
    Encoder items;
    for (const std::string& text : texts) items.string(text);
    return u32(static_cast<uint32_t>(texts.size())).blob(items.text_);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Plan {
  std::string steps;
  uint32_t count = 0;
  uint32_t flags = 0;
  uint32_t hash = kPlanLayoutHash;

  Plan& add(StepCode code, const Encoder& fields = {}) {
    steps += Encoder().u32(static_cast<uint32_t>(code)).blob(fields.text()).text();
    ++count;
    return *this;
  }
  Plan& ask() { return add(StepCode::kAsk, Encoder().u32(uint32_t(Request::kRunHostHooks))); }
  Plan& find(const std::string& program) {
    return add(StepCode::kFindProgram, Encoder().strings({program}).strings({}).u32(0).u32(0));
  }
  std::string bytes() const {
    const auto size = static_cast<uint32_t>(32 + steps.size());
    return Encoder()
               .raw(kPlanMagic, 8)
               .u32(hash)
               .u32(size)
               .u32(count)
               .u32(flags)
               .u32(kLinkFd)
               .u32(0)
               .text() +
           steps;
  }
};

/// A running init, with the driver's end of its link.
struct Init {
  pid_t pid = -1;
  UniqueFd link;

  /// Its exit status; a signal is told as a negative number.
  int end() const {
    int status = 0;
    EXPECT(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
};

Init launch(const std::string& plan, int gate = -1) {
  const UniqueFd memfd(memfd_create("plan", 0));
  EXPECT(write(memfd.get(), plan.data(), plan.size()) == static_cast<ssize_t>(plan.size()));
  int ends[2];
  EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  Init init;
  init.link.reset(ends[0]);
  const UniqueFd theirs(ends[1]);
  init.pid = fork();
  if (init.pid == 0) {
    dup2(theirs.get(), kLinkFd);
    if (gate >= 0) dup2(gate, kGateFd);
    const std::string number = std::to_string(memfd.get());
    execl(init_program, "tsoci-init", number.c_str(), nullptr);
    _exit(99);
  }
  return init;
}

/// The next packet; empty at the end of the connection.
std::string receive(int socket) {
  pollfd wait{socket, POLLIN, 0};
  EXPECT(poll(&wait, 1, 10'000) == 1);
  std::string packet(64 * 1024, '\0');
  const ssize_t size = recv(socket, packet.data(), packet.size(), 0);
  packet.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return packet;
}

uint32_t word(const std::string& packet, size_t index) {
  uint32_t value = UINT32_MAX;
  if (packet.size() >= (index + 1) * sizeof(value)) {
    memcpy(&value, packet.data() + index * sizeof(value), sizeof(value));
  }
  return value;
}

bool is(const std::string& packet, MessageCode code) { return word(packet, 0) == uint32_t(code); }

void send_words(int socket, std::vector<uint32_t> words) {
  EXPECT(send(socket, words.data(), words.size() * 4, MSG_NOSIGNAL) ==
         static_cast<ssize_t>(words.size() * 4));
}

/// Init refuses the plan, says so in these words, and ends.
void expect_failure(const std::string& plan, const char* words) {
  const Init init = launch(plan);
  const std::string packet = receive(init.link.get());
  EXPECT(is(packet, MessageCode::kFailure));
  if (packet.find(words) == std::string::npos) {
    fprintf(stderr, "no \"%s\" in \"%s\"\n", words, packet.substr(16).c_str());
    exit(1);
  }
  EXPECT(init.end() == 1);
}

void refuses_plans_of_others() {
  Plan other = Plan().ask();
  other.hash ^= 1;
  expect_failure(other.bytes(), "of another build");
  expect_failure(Plan().ask().bytes() + "more", "of another build");
  std::string wrong = Plan().ask().bytes();
  wrong[0] = 'X';
  expect_failure(wrong, "of another build");
  EXPECT(launch("TSOCIPL1").end() == 1);
  EXPECT(launch("").end() == 1);
}

void refuses_steps_that_do_not_fit() {
  expect_failure(Plan().add(static_cast<StepCode>(9999)).bytes(), "code 9999");
  expect_failure(Plan().add(StepCode::kAsk).bytes(), "do not fit");
  expect_failure(Plan().add(StepCode::kAsk, Encoder().u32(1).u32(1)).bytes(), "do not fit");
  const Encoder no_nul = Encoder().blob("name");
  expect_failure(Plan().add(StepCode::kSetHostname, no_nul).bytes(), "do not fit");
  const Encoder beyond = Encoder().u32(0xfffffffc).u32(0);
  expect_failure(Plan().add(StepCode::kSetHostname, beyond).bytes(), "do not fit");
  const Encoder too_many = Encoder().u32(0xffffffff).blob("").strings({}).u32(0).u32(0);
  expect_failure(Plan().add(StepCode::kFindProgram, too_many).bytes(), "do not fit");
}

void refuses_a_plan_that_ends_early() {
  Plan cut = Plan().ask();
  cut.count = 0;
  expect_failure(cut.bytes(), "ends without a program");
  Plan missing;
  missing.count = 1;
  expect_failure(missing.bytes(), "the plan is cut");
  Plan long_step;
  long_step.count = 1;
  long_step.steps = Encoder().u32(uint32_t(StepCode::kAsk)).u32(400).u32(0).text();
  expect_failure(long_step.bytes(), "the plan is cut");
}

void refuses_a_plan_without_a_program() {
  const Encoder nothing = Encoder().strings({}).strings({}).u32(0).u32(0);
  expect_failure(Plan().add(StepCode::kFindProgram, nothing).bytes(), "no program");
  expect_failure(Plan().add(StepCode::kExecute).bytes(), "no program");
}

void ends_with_its_driver() {
  Init init = launch(Plan().ask().bytes());
  EXPECT(is(receive(init.link.get()), MessageCode::kRequest));
  init.link.reset();
  EXPECT(init.end() == 1);

  Init ready =
      launch(Plan().add(StepCode::kReportReady, Encoder().u32(0)).find("/bin/true").bytes());
  EXPECT(is(receive(ready.link.get()), MessageCode::kReady));
  ready.link.reset();
  EXPECT(ready.end() == 1);
}

void refuses_another_reply_than_it_asked_for() {
  for (const std::vector<uint32_t>& reply :
       {std::vector<uint32_t>{uint32_t(MessageCode::kReply), 1},
        {uint32_t(MessageCode::kReply)},
        {uint32_t(MessageCode::kReleased)},
        std::vector<uint32_t>(40, 2)}) {
    const Init init = launch(Plan().ask().bytes());
    EXPECT(is(receive(init.link.get()), MessageCode::kRequest));
    send_words(init.link.get(), reply);
    const std::string packet = receive(init.link.get());
    EXPECT(is(packet, MessageCode::kFailure));
    EXPECT(packet.find("was due") != std::string::npos);
    EXPECT(init.end() == 1);
  }
}

void refuses_more_descriptors_than_one() {
  const Init init = launch(Plan().ask().bytes());
  EXPECT(is(receive(init.link.get()), MessageCode::kRequest));
  const uint32_t reply[] = {uint32_t(MessageCode::kReply), uint32_t(Request::kRunHostHooks)};
  const int fds[] = {STDERR_FILENO, STDERR_FILENO};
  EXPECT(tsoci::sys::send_with_fds(init.link.get(), reply, sizeof(reply), fds) > 0);
  const std::string packet = receive(init.link.get());
  EXPECT(is(packet, MessageCode::kFailure));
  EXPECT(packet.find("more than one descriptor") != std::string::npos);
  EXPECT(init.end() == 1);
}

/// A gate in the abstract: the name is the kernel's choice.
UniqueFd open_gate(sockaddr_un& address, socklen_t& size) {
  UniqueFd gate(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  address.sun_family = AF_UNIX;
  EXPECT(bind(gate.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0);
  EXPECT(listen(gate.get(), 1) == 0);
  size = sizeof(address);
  EXPECT(getsockname(gate.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return gate;
}

/// A container that waits at its gate, and the connection that opens it.
struct Started {
  Init init;
  UniqueFd starter;
};

Started start(const Plan& plan) {
  sockaddr_un address{};
  socklen_t size = 0;
  const UniqueFd gate = open_gate(address, size);
  Started started{launch(plan.bytes(), gate.get()), {}};
  while (!is(receive(started.init.link.get()), MessageCode::kReady)) {
  }
  started.starter.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  EXPECT(connect(started.starter.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  return started;
}

void release(Started& started) {
  send_words(started.init.link.get(), {uint32_t(MessageCode::kReleased)});
}

Plan created() {
  return Plan()
      .add(StepCode::kProtectProcess)
      .add(StepCode::kCloseInheritedFiles, Encoder().u32(0))
      .add(StepCode::kReportReady, Encoder().u32(0))
      .add(StepCode::kWaitForStart, Encoder().u32(kGateFd));
}

void tells_the_starter_by_an_end_of_file() {
  Started started = start(created().find("/bin/true").add(StepCode::kExecute));
  release(started);
  // Until it has let go of the driver, its death would be init's.
  EXPECT(receive(started.init.link.get()).empty());
  EXPECT(receive(started.starter.get()).empty());
  EXPECT(started.init.end() == 0);
}

void tells_the_starter_why_not() {
  Started started = start(created().find("/no/such").add(StepCode::kExecute));
  release(started);
  const std::string packet = receive(started.starter.get());
  EXPECT(is(packet, MessageCode::kFailure) && word(packet, 1) == 4 && word(packet, 2) == ENOENT);
  EXPECT(packet.find("exec: \"/no/such\": stat /no/such") != std::string::npos);
  EXPECT(started.init.end() == 1);
}

/// Kills whoever sends a message.
std::string filter_without_sendmsg() {
  const sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return std::string(reinterpret_cast<const char*>(program), sizeof(program));
}

void sends_its_trace_before_a_filter() {
  Plan plan = created()
                  .find("/bin/true")
                  .add(StepCode::kSetNoNewPrivileges)
                  .add(StepCode::kLoadSeccomp, Encoder().blob(filter_without_sendmsg()).u32(0))
                  .add(StepCode::kExecute);
  plan.flags = kTraceFlag;
  Started started = start(plan);
  release(started);
  EXPECT(is(receive(started.starter.get()), MessageCode::kTrace));
  EXPECT(receive(started.starter.get()).empty());
  EXPECT(started.init.end() == 0);
}

void goes_on_without_its_starter() {
  Plan plan = created().find("/bin/true").add(StepCode::kExecute);
  plan.flags = kTraceFlag;
  Started started = start(plan);
  // Init is still busy with the driver when the starter is killed.
  started.starter.reset();
  release(started);
  EXPECT(started.init.end() == 0);
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 2 || argument_count > 3) return 2;
  init_program = arguments[1];
  constexpr tsoci::test::Case kCases[] = {
      {"a plan of another build or of nobody is refused", refuses_plans_of_others},
      {"a step whose bytes do not fit is refused", refuses_steps_that_do_not_fit},
      {"a plan that ends early is refused", refuses_a_plan_that_ends_early},
      {"a plan without a program is refused", refuses_a_plan_without_a_program},
      {"init ends with its driver, asking or ready", ends_with_its_driver},
      {"a reply to another request is refused", refuses_another_reply_than_it_asked_for},
      {"a reply with two descriptors is refused", refuses_more_descriptors_than_one},
      {"the end of the starter's connection is the execve", tells_the_starter_by_an_end_of_file},
      {"the starter hears why the program was not executed", tells_the_starter_why_not},
      {"the trace is sent before a filter could forbid it", sends_its_trace_before_a_filter},
      {"init goes on when its starter is killed", goes_on_without_its_starter},
  };
  return tsoci::test::run(kCases, argument_count == 3 ? arguments[2] : "");
}
