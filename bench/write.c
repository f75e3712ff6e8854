// Writes as many bytes as its argument says to standard output, as fast as they are taken.
#include <stdlib.h>
#include <unistd.h>

static char buffer[1 << 16];

int main(int argc, char **argv) {
  long long left = argc == 2 ? atoll(argv[1]) : 0;
  while (left > 0) {
    const size_t size = left < (long long)sizeof(buffer) ? (size_t)left : sizeof(buffer);
    const ssize_t written = write(STDOUT_FILENO, buffer, size);
    if (written < 0) return 1;
    left -= written;
  }
  return 0;
}
