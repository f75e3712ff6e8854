// A program as init is, with a defect: `defects NAME [ROOT]`. With a root it first gives up what
// init has given up when it is nearly the program: the host's files, its rights, being looked at.
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/sanitizers/defects.h"

namespace {

constexpr unsigned kNobody = 65534;

bool confine(const char* root) {
  return chroot(root) == 0 && chdir("/") == 0 && setresgid(kNobody, kNobody, kNobody) == 0 &&
         setresuid(kNobody, kNobody, kNobody) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 2 || argument_count > 3) return 2;
  if (argument_count == 3 && !confine(arguments[2])) {
    perror("confine");
    return 2;
  }
  return tsoci::tests::commit_defect(arguments[1]) ? 0 : 2;
}
