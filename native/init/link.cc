// Init's half of the talk with the driver: init asks, the driver answers.
#include "init/link.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/message.h"
#include "wire/writer.h"

namespace tsoci::init {

Result<void> send_packet(int socket, const wire::Writer& writer, int fd) {
  const std::span<const int> fds(&fd, fd >= 0 ? 1 : 0);
  if (sys::send_with_fds(socket, writer.bytes(), writer.size(), fds) < 0) {
    return Error::from_errno("sendmsg", "link to the driver");
  }
  return {};
}

namespace {

/// The driver of `create` until it lets go, that of `start` once the gate is open; -1 in between.
int listening_driver(const Context& context) {
  return context.starter.is_open() ? context.starter.get() : context.link.get();
}

/// Waits for the one message that may come now. The end of the link means that the driver is gone:
/// there is nobody left to be a container for.
Result<UniqueFd> expect(int socket, wire::MessageCode code, uint32_t request) {
  uint32_t packet[16] = {};
  iovec part{packet, sizeof(packet)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  // Without the padding, which has room for a second descriptor that nobody would close.
  message.msg_controllen = CMSG_LEN(sizeof(int));
  const ssize_t size =
      sys::retry_eintr([&] { return recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (size < 0) return Error::from_errno("recvmsg", "link to the driver");
  if (size == 0) _exit(1);
  UniqueFd received;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    received.reset(fd);
  }
  const bool has_request = code == wire::MessageCode::kReply;
  const size_t expected_size = has_request ? 2 * sizeof(uint32_t) : sizeof(uint32_t);
  if (static_cast<size_t>(size) != expected_size || packet[0] != static_cast<uint32_t>(code) ||
      (has_request && packet[1] != request)) {
    return Error::refusal("the driver sent message %u of %zd bytes, and message %u was due",
                          packet[0], size, static_cast<uint32_t>(code));
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return Error::refusal("the driver sent more than one descriptor with message %u", packet[0]);
  }
  return received;
}

}  // namespace

Result<UniqueFd> ask_driver(Context& context, wire::Request request, int fd) {
  wire::Writer writer;
  writer.write(static_cast<uint32_t>(wire::MessageCode::kRequest));
  writer.write(static_cast<uint32_t>(request));
  writer.write(context.step);
  const int socket = listening_driver(context);
  TRY_VOID(send_packet(socket, writer, fd));
  return expect(socket, wire::MessageCode::kReply, static_cast<uint32_t>(request));
}

namespace {

/// A warning and a failure say the same things.
wire::Writer report(wire::MessageCode code, uint32_t step, const Error& error) {
  wire::Writer writer;
  writer.write(static_cast<uint32_t>(code));
  writer.write(step);
  writer.write(static_cast<uint32_t>(error.number));
  writer.write(error.call);
  writer.write(error.detail);
  return writer;
}

}  // namespace

void warn(Context& context, const Error& error) {
  const int socket = listening_driver(context);
  if (socket < 0) return;
  // A warning that nobody hears changes nothing.
  (void)send_packet(socket, report(wire::MessageCode::kWarning, context.step, error), -1);
}

void fail(Context& context, const Error& error) {
  const int socket = listening_driver(context);
  if (socket >= 0) {
    (void)send_packet(socket, report(wire::MessageCode::kFailure, context.step, error), -1);
  }
  _exit(1);
}

Result<void> Trace::send(int socket) {
  wire::Writer writer;
  writer.write(static_cast<uint32_t>(wire::MessageCode::kTrace));
  writer.write_bytes(slices_, count_ * sizeof(Slice));
  count_ = 0;
  return send_packet(socket, writer, -1);
}

Result<void> carry_out(Context& context, const wire::AskStep& step) {
  const auto request = static_cast<wire::Request>(step.request);
  // An undumpable process's files in /proc belong to root, and an unprivileged driver could not
  // write them. Nobody but the driver can see this process yet, unless it joined others.
  const bool is_alone = (context.joined_namespaces & (CLONE_NEWUSER | CLONE_NEWPID)) == 0;
  const bool opens_up = request == wire::Request::kAdjustOomScore ||
                        request == wire::Request::kMapIds ||
                        (request == wire::Request::kSetTimeOffsets && is_alone);
  if (opens_up) TRY_VOID(make_dumpable());
  TRY_VOID(ask_driver(context, request));
  if (opens_up) TRY_VOID(make_undumpable());
  return {};
}

Result<void> carry_out(Context& context, const wire::ReportReadyStep& step) {
  wire::Writer writer;
  writer.write(static_cast<uint32_t>(wire::MessageCode::kReady));
  if (context.trace.is_on()) TRY_VOID(context.trace.send(context.link.get()));
  TRY_VOID(send_packet(context.link.get(), writer, -1));
  TRY_VOID(expect(context.link.get(), wire::MessageCode::kReleased, 0));
  TRY_VOID(outlive_driver());
  // The driver of a further process stays: it is its starter too.
  if (step.keep_link != 0) {
    context.starter = std::move(context.link);
  } else {
    context.link.reset();
  }
  return {};
}

Result<void> carry_out(Context&, const wire::EndStep&) { _exit(0); }

namespace {

void end_by_signal(int number) {
  constexpr int kSignalBase = 128;
  _exit(kSignalBase + number);
}

/// The kernel drops what the first process of a pid namespace has no handler for. A container that
/// was created is to end by the signals that end any other process; the execve takes the handlers
/// away.
void die_of_signals() {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM}) {
    struct sigaction current {};
    // What the caller ignores, the program is to ignore too.
    if (sigaction(number, nullptr, &current) < 0 || current.sa_handler != SIG_DFL) continue;
    current.sa_handler = end_by_signal;
    sigaction(number, &current, nullptr);
  }
}

}  // namespace

Result<void> carry_out(Context& context, const wire::WaitForStartStep& step) {
  die_of_signals();
  UniqueFd gate(step.gate_fd);
  const int connection =
      sys::retry_eintr([&] { return accept4(gate.get(), nullptr, nullptr, SOCK_CLOEXEC); });
  if (connection < 0) return Error::from_errno("accept4", "start gate");
  context.starter.reset(connection);
  return {};
}

}  // namespace tsoci::init
