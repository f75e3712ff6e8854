// The outside of a terminal: what an engine or a person at a terminal does.
//
//   terminal receive SOCKET           listens, takes one descriptor, and says what it is. Of a
//   terminal, it
//                                     then copies the output to standard output until it hangs up,
//                                     and standard input to the terminal.
//   terminal run ROWS COLUMNS PROGRAM...
//                                     runs a program on a new terminal, copying both ways. SIGUSR1
//                                     makes the terminal 10 rows and columns larger. Says at the
//                                     end, on standard error, how the program ended and whether the
//                                     modes are as before.
//   terminal on PROGRAM...            standard input is a new terminal's master: becomes the
//   program
//                                     on its other side.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int resized_master = -1;

static void fail(const char* words) {
  perror(words);
  exit(121);
}

static void write_all(int fd, const char* bytes, ssize_t length) {
  while (length > 0) {
    const ssize_t n = write(fd, bytes, (size_t)length);
    if (n < 0) return;
    bytes += n;
    length -= n;
  }
}

// Ends when the terminal's last other side is closed, which its master sees as EIO.
static void copy_both_ways(int master) {
  struct pollfd watched[2] = {{master, POLLIN, 0}, {0, POLLIN, 0}};
  char bytes[4096];
  for (;;) {
    if (poll(watched, 2, -1) < 0) {
      if (errno == EINTR) continue;
      fail("poll");
    }
    if (watched[0].revents != 0) {
      const ssize_t n = read(master, bytes, sizeof bytes);
      if (n <= 0) return;
      write_all(1, bytes, n);
    }
    if (watched[1].revents != 0) {
      const ssize_t n = read(0, bytes, sizeof bytes);
      if (n <= 0) {
        watched[1].fd = -1;
      } else {
        write_all(master, bytes, n);
      }
    }
  }
}

static int receive_descriptor(int connection, char* text, size_t room) {
  char control[CMSG_SPACE(sizeof(int) * 4)];
  struct iovec part = {text, room - 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  const ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (n < 0) fail("recvmsg");
  text[n] = 0;
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

static int receive(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, 4) != 0) fail("listen");
  const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) fail("accept");

  char text[4096], link[64], target[PATH_MAX] = "";
  const int fd = receive_descriptor(connection, text, sizeof text);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (fd >= 0) readlink(link, target, sizeof target - 1);
  printf("{\"text\":\"%s\",\"target\":\"%s\",\"isTerminal\":%s,\"descriptor\":%s}\n", text, target,
         isatty(fd) ? "true" : "false", fd >= 0 ? "true" : "false");
  fflush(stdout);
  close(connection);
  close(listener);
  if (isatty(fd)) copy_both_ways(fd);
  return 0;
}

static void grow(int signal) {
  (void)signal;
  struct winsize size;
  ioctl(resized_master, TIOCGWINSZ, &size);
  size.ws_row += 10;
  size.ws_col += 10;
  ioctl(resized_master, TIOCSWINSZ, &size);
}

static void become_program(int slave, char** program) {
  setsid();
  if (ioctl(slave, TIOCSCTTY, 0) != 0) fail("TIOCSCTTY");
  for (int fd = 0; fd < 3; fd++) dup2(slave, fd);
  close(slave);
  execvp(program[0], program);
  fail(program[0]);
}

static int become_program_on(int master, char** program) {
  if (unlockpt(master) != 0) fail("unlockpt");
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) fail("TIOCGPTPEER");
  become_program(slave, program);
  return 0;
}

static int run(const char* rows, const char* columns, char** program) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) fail("posix_openpt");
  struct winsize size = {.ws_row = (unsigned short)atoi(rows),
                         .ws_col = (unsigned short)atoi(columns)};
  ioctl(master, TIOCSWINSZ, &size);
  // Kept open by us: the modes must be there to be read when the program has gone.
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) fail("TIOCGPTPEER");
  // Zeroed, as the kernel does not fill them and they are compared byte by byte.
  struct termios before = {0}, after = {0};
  tcgetattr(slave, &before);

  resized_master = master;
  const struct sigaction on_resize = {.sa_handler = grow};
  sigaction(SIGUSR1, &on_resize, NULL);
  const pid_t child = fork();
  if (child == 0) become_program(slave, program);

  const pid_t copier = fork();
  if (copier == 0) {
    close(slave);
    copy_both_ways(master);
    _exit(0);
  }
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  tcgetattr(slave, &after);
  const int flags = fcntl(slave, F_GETFL);
  close(slave);
  while (waitpid(copier, NULL, 0) < 0 && errno == EINTR) continue;
  dprintf(2, "{\"status\":%d,\"signal\":%d,\"modesRestored\":%s,\"nonBlocking\":%s}\n",
          WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          memcmp(&before, &after, sizeof before) == 0 ? "true" : "false",
          flags & O_NONBLOCK ? "true" : "false");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argument_count, char** arguments) {
  signal(SIGPIPE, SIG_IGN);
  if (argument_count == 3 && strcmp(arguments[1], "receive") == 0) return receive(arguments[2]);
  if (argument_count > 4 && strcmp(arguments[1], "run") == 0) {
    return run(arguments[2], arguments[3], arguments + 4);
  }
  if (argument_count > 2 && strcmp(arguments[1], "on") == 0) {
    return become_program_on(0, arguments + 2);
  }
  fprintf(stderr,
          "usage: terminal receive SOCKET | terminal run ROWS COLUMNS PROGRAM... | terminal on "
          "PROGRAM...\n");
  return 121;
}
