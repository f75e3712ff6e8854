#!/bin/sh
# build.sh OUT: builds the probe, which runs inside containers, and the helpers that run beside them.
# A file that is newer than all of its sources is kept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)

is_new() {  # OUTPUT SOURCE...
  output=$1
  shift
  [ -x "$output" ] || return 1
  for source in "$@"; do
    [ "$output" -nt "$source" ] || return 1
  done
}

build() {  # NAME SOURCE...
  name=$1
  shift
  is_new "$out/$name" "$@" "$here"/*.h "$here/build.sh" && return
  # Moved into place: two test runs may build at once.
  cc -static -O2 -Wall -Wextra -Werror -o "$out/$name.$$" "$@"
  mv "$out/$name.$$" "$out/$name"
}

cd "$here"
build probe main.c json.c process.c limits.c surroundings.c network.c tries.c spy.c
build terminal terminal.c
build launch launch.c
build notify notify.c
build agent agent.c
