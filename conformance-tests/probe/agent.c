// A seccomp agent: answers the system calls that SCMP_ACT_NOTIFY traps.
//
//   agent SOCKET ERRNO   listens, says so, takes one container's state and descriptor, prints the
//                        state, how many descriptors came with its first byte and whether the
//                        connection ended after it, and then answers every call with ERRNO, 0
//                        meaning that the kernel shall go on with it. Each call's number is
//                        printed.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char* words) {
  perror(words);
  exit(121);
}

static int accept_one(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, 4) != 0) fail("listen");
  printf("listening\n");
  fflush(stdout);
  const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) fail("accept4");
  return connection;
}

// The state, up to the end of the connection; returns the descriptor.
static int take_state(int connection) {
  static char text[1 << 20], control[CMSG_SPACE(sizeof(int) * 8)];
  struct iovec part = {text, sizeof text - 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) fail("recvmsg");
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) fail("no descriptor");
  const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  size_t size = (size_t)got;
  while ((got = read(connection, text + size, sizeof text - 1 - size)) > 0) size += (size_t)got;
  text[size] = 0;
  printf("state %s\ndescriptors %zu\n%s\n", text, count, got == 0 ? "closed" : "open");
  fflush(stdout);
  int notifications;
  memcpy(&notifications, CMSG_DATA(header), sizeof notifications);
  return notifications;
}

int main(int argument_count, char** arguments) {
  if (argument_count != 3) return 121;
  const int number = atoi(arguments[2]);
  const int notifications = take_state(accept_one(arguments[1]));
  for (;;) {
    struct seccomp_notif call = {0};
    if (ioctl(notifications, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      // The caller was killed before we looked.
      if (errno == ENOENT || errno == EINTR) continue;
      fail("SECCOMP_IOCTL_NOTIF_RECV");
    }
    // Each number once: whoever started us may not read before the caller has ended.
    static char seen[1024];
    if (call.data.nr >= 0 && call.data.nr < (int)sizeof seen && !seen[call.data.nr]++) {
      printf("call %d\n", call.data.nr);
      fflush(stdout);
    }
    struct seccomp_notif_resp answer = {.id = call.id, .error = -number};
    if (number == 0) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (ioctl(notifications, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0 && errno != ENOENT) {
      fail("SECCOMP_IOCTL_NOTIF_SEND");
    }
  }
}
