#!/bin/bash
# apart.sh [--hide DIR] COMMAND...: runs it where nothing that it starts or mounts can outlive it.
#
# Mount and pid namespaces of its own, with an empty /run: sockets of shims are at a fixed place there. DIR is an
# empty directory. Cgroups are the exception: who names them removes them.
set -euo pipefail

if [ -z "${TSOCI_APART-}" ]; then
  export TSOCI_APART=1
  exec unshare --mount --propagation private --pid --mount-proc --fork --kill-child "$0" "$@"
fi
unset TSOCI_APART
mount -t tmpfs -o mode=755 tmpfs /run
if [ "$1" = --hide ]; then
  mount -t tmpfs -o mode=755 hidden "$2"
  shift 2
fi
# As process 1 we inherit what a dead shim leaves, and reap it: the shell does while it waits.
"$@" &
wait $!
