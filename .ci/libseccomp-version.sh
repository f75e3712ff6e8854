#!/bin/bash
# Prints the version of the libseccomp that the addon is linked with, from its header.
set -euo pipefail
printf '#include <seccomp.h>\nSCMP_VER_MAJOR SCMP_VER_MINOR SCMP_VER_MICRO\n' |
  c++ -E -P -x c++ - | tail -n 1 | tr ' ' .
