// A service manager's end of sd_notify(3).
//
//   notify SOCKET    listens, says so, and prints each message on a line of its own, with spaces
//                    for its newlines. A name that begins with "@" is an abstract one.
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char* words) {
  perror(words);
  exit(121);
}

// Closes what came with the message: of a barrier that is the answer.
static void close_descriptors(struct msghdr* message) {
  for (struct cmsghdr* header = CMSG_FIRSTHDR(message); header != NULL;
       header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_type != SCM_RIGHTS) continue;
    const int* fds = (const int*)CMSG_DATA(header);
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) close(fds[i]);
  }
}

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 121;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", arguments[1]);
  socklen_t size = sizeof address;
  if (arguments[1][0] == '@') {
    address.sun_path[0] = 0;
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(arguments[1]));
  }
  const int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr*)&address, size) != 0) fail("bind");
  printf("listening\n");
  fflush(stdout);
  for (;;) {
    char text[4096], control[CMSG_SPACE(sizeof(int) * 8)];
    struct iovec part = {text, sizeof text - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    const ssize_t length = recvmsg(listener, &message, MSG_CMSG_CLOEXEC);
    if (length < 0) fail("recvmsg");
    for (ssize_t i = 0; i < length; i++) {
      if (text[i] == '\n') text[i] = ' ';
    }
    text[length] = 0;
    printf("%s\n", text);
    fflush(stdout);
    close_descriptors(&message);
  }
}
