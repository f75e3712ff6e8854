# shellcheck shell=bash
# lib.sh: what all runners share; sourced by them.
#
# A runner gives variables and functions, then calls `run_client "$@"` as its last line:
#   packages=()         Debian packages that it needs
#   start_client        starts the client's daemon, if there is one; what fails here fails the whole run
#   stop_client         ends all that start_client started
#   clear_client        removes the containers that a case has left
#   case_NAME           one case: its commands run one after the other, and the first that fails fails it
#   state_roots=()      directories where RUNTIME keeps what it knows of containers
#   fixed_parents=()    cgroups at the top that the client makes where nobody names others
#   variants=()         all of it is done once for each, with its name in $variant
#
# With TIMES=N in the environment no case runs: `run_true` does, N times, and each prints `took N us`.
#
# All of it runs in mount, network and pid namespaces of its own, with an empty /run. Firewall rules,
# bridges, ports, mounts and processes of the client cannot reach the host, nor outlive the runner.
# Cgroups are the exception: they are made below $cgroup_parent, and removed at the end.
#
# With TSOCI_CGROUP_DRIVER=systemd the client is told to have them made by systemd, which must see its processes,
# and is found by /run: such a run has the machine's own of both, and is for a machine that is thrown away.
#
# Cases find the runtime in $runtime, and a directory that is removed afterwards in $work.

clients=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$clients/../.." && pwd)
client=$(basename "$0" .sh)
cgroup_driver=${TSOCI_CGROUP_DRIVER:-cgroupfs}
patience=${TSOCI_TEST_PATIENCE:-1}  # multiplies every deadline, for machines that are slow
image=docker.io/library/busybox:test
packages=()
variants=('')
variant=
state_roots=()
fixed_parents=()

start_client() { :; }
stop_client() { :; }
clear_client() { :; }

# --- What cases assert with. Each says what it found and what was expected.

# Kept apart from what the command prints: a case may be about to read that.
complain() { echo "$*" >"$work/complaint"; return 1; }

equal() {  # FOUND EXPECTED
  [ "$1" = "$2" ] || complain "found \"$1\", expected \"$2\""
}

contains() {  # FOUND PART
  case $1 in *"$2"*) ;; *) complain "found \"$1\", expected \"$2\" in it" ;; esac
}

lacks() {  # FOUND PART
  case $1 in *"$2"*) complain "found \"$1\", expected no \"$2\" in it" ;; esac
}

above() {  # FOUND NUMBER
  [ "$1" -gt "$2" ] || complain "found \"$1\", expected more than $2"
}

exits_with() {  # STATUS COMMAND...
  local expected=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" = "$expected" ] || complain "\"$*\" ended with status $status, expected $expected"
}

fails() {  # COMMAND...
  local status=0
  "$@" || status=$?
  [ "$status" != 0 ] || complain "\"$*\" succeeded, expected a failure"
}

wait_until() {  # COMMAND...: looks again until it succeeds, for 15 seconds
  local deadline=$((SECONDS + 15 * patience))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { complain "\"$*\" did not come true: $(cat "$work/complaint" 2>/dev/null)"; return; }
    sleep 0.05
  done
  rm -f "$work/complaint"
}

# Ends the case: the machine or the client cannot do what it is about.
cannot() {  # REASON
  echo "$*"
  exit 77
}

# --- Tools of cases.

in_terminal() {  # COMMAND...: on a terminal of 33 rows and 111 columns; what it prints goes to stdout
  timeout --kill-after 5 $((60 * patience)) script --quiet --return --command \
    "stty rows 33 cols 111; exec $(printf '%q ' "$@")" /dev/null
}

# For a program in a container: the size arrives a little after the program has started.
# shellcheck disable=SC2034  # for the runners
when_size_is_set='until [ "$(stty size)" = "33 111" ]; do :; done'

# shellcheck disable=SC2034
counting='n=0; while :; do n=$((n + 1)); echo $n >/tmp/count; sleep 0.05; done'

by_systemd() { [ "$cgroup_driver" = systemd ]; }

parent_of() {  # WORK: what all cgroups of a run are made below
  if by_systemd; then echo tsoci_test.slice; else echo "/tsoci-test/$(basename "$1")"; fi
}

cgroup_name() {  # NAME: how a caller names a cgroup to the runtime
  if by_systemd; then echo "$cgroup_parent:tsoci:$1"; else echo "$cgroup_parent/$1"; fi
}

cgroup_path() {  # NAME: and what becomes of that
  if by_systemd; then echo "/$cgroup_parent/tsoci-$1.scope"; else echo "$cgroup_parent/$1"; fi
}

cgroup_value() {  # PID CONTROLLER V1_FILE V2_FILE
  local path
  path=$(awk -F : -v controller="$2" '$2 == controller { print $3 }' "/proc/$1/cgroup")
  if [ -n "$path" ]; then
    cat "/sys/fs/cgroup/$2$path/$3"
  else
    cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")/$4"
  fi
}

start_eight() {  # by the runner's `start`, all at the same time
  local i children=()
  for i in {1..8}; do
    start "many$i" "$image" sleep 1000 &
    children+=($!)
  done
  for i in "${children[@]}"; do wait "$i"; done
}

is_shim() {  # PROGRAM
  case ${1##*/} in containerd-shim-*) ;; *) return 1 ;; esac
}

criu_works() { criu check >/dev/null 2>&1; }

busybox_root() {  # DIR: a root file system
  mkdir -p "$1"/{bin,dev,etc,proc,run,sys,tmp}
  cp /bin/busybox "$1/bin/busybox"
  local applet
  for applet in sh cat echo id ps rm sleep stty test tr true tty; do
    ln -sf busybox "$1/bin/$applet"
  done
}

# A snippet of docs/callers, as this run needs it: with the runtime under test for tsoci.
snippet() {  # FILE [NAME]
  local name=${2-$runtime_name}
  sed "s|\btsoci\b|$name|g; s|/usr/local/bin/$name|$runtime|g" "$repository/docs/callers/$1"
}

# --- Running.

passed=0 failed=0 skipped=0

report() {  # STATUS TITLE OUTPUT
  local title=${variant:+$variant: }$2
  case $1 in
    0) passed=$((passed + 1)); echo "ok $title" ;;
    77) skipped=$((skipped + 1)); echo "ok $title # SKIP $(tail -n 1 <<<"$3")" ;;
    *)
      failed=$((failed + 1))
      echo "not ok $title"
      tail -n 9 <<<"$3" | cut -c 1-500 | sed 's/^/#   /'
      ;;
  esac
}

run_case() {  # FUNCTION
  local output status
  rm -f "$work/complaint"
  # With `set -e` on, and nothing around the call that would turn it off.
  output=$(set -eu; "$1" 2>&1 </dev/null)
  status=$?
  [ "$status" = 0 ] || [ "$status" = 77 ] || output="$output
$(cat "$work/complaint" 2>/dev/null || echo "a command ended with status $status")"
  report "$status" "$(tr _ ' ' <<<"${1#case_}")" "$output"
  clear_client >/dev/null 2>&1
}

# In their order, without those of a file that the runner has not sourced.
cases() {
  local name
  sed -n 's/^\(case_[a-z0-9_]*\)() .*/\1/p' "$clients/$client.sh" "$clients/$client"-*.sh 2>/dev/null |
    while read -r name; do declare -F "$name" || :; done
}

# Of a machine's processes, those that the runner has started have its network namespace.
is_here() { ! by_systemd || [ "/proc/$1/ns/net" -ef /proc/self/ns/net ]; }

# Processes of this pid namespace that are not the runner's own.
strangers() {
  local dir pid parent
  for dir in /proc/[1-9]*; do
    pid=${dir#/proc/}
    parent=$(sed -n 's/^PPid:\t//p' "$dir/status" 2>/dev/null) || continue
    is_here "$pid" || continue
    [ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] || [ "$parent" = "$BASHPID" ] || [ -z "$parent" ] ||
      [ "$pid" = "$case_shell" ] || echo "process $pid: $(tr '\0' ' ' <"$dir/cmdline" 2>/dev/null)"
  done
}

mount_points() { awk '{ print "mount " $5 }' /proc/self/mountinfo | sort; }
top_cgroups() {
  local name
  for name in "${fixed_parents[@]}"; do
    find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name "$name" -printf 'cgroup %p\n'
  done | sort
}

own_cgroups() {
  find /sys/fs/cgroup -mindepth 2 -type d -path "*$cgroup_parent/*" -printf 'cgroup %p\n' 2>/dev/null
  comm -13 "$work/cgroups" <(top_cgroups)
}

states() {
  local root
  for root in "${state_roots[@]}"; do
    find "$root" -mindepth 1 -maxdepth 1 ! -name '[@.]*' -printf 'state %p\n' 2>/dev/null
  done
}

leftovers() {
  local case_shell=$BASHPID
  strangers
  comm -13 "$work/mounts" <(mount_points)
  own_cgroups
  states
}

nothing_is_left() { [ -z "$(leftovers)" ]; }

check_leftovers() {
  if wait_until nothing_is_left >/dev/null; then
    report 0 'nothing is left behind'
  else
    report 1 'nothing is left behind' "$(leftovers)"
  fi
}

# Parents that some clients make below ours, and leave.
remove_parents() {  # NAME...
  local name dir
  for name in "$@"; do
    for dir in /sys/fs/cgroup/{,*/}"${cgroup_parent#/}/$name"; do
      [ ! -d "$dir" ] || remove_cgroup "$dir"
    done
  done
}

remove_cgroup() { find "$1" -depth -type d -exec rmdir {} \; 2>/dev/null; }

remove_cgroups() {
  local dir
  find /sys/fs/cgroup -mindepth 1 -type d -path "*$cgroup_parent" 2>/dev/null |
    while read -r dir; do remove_cgroup "$dir"; done
}

# The same of $fixed_parents.
remove_fixed_parents() {
  local dir
  comm -13 "$work/cgroups" <(top_cgroups) | sed 's/^cgroup //' |
    while read -r dir; do remove_cgroup "$dir"; done
}

# What a caller's user waits for: the runner's `run_true`, from its start to its end.
time_it() {  # TIMES
  local begin _
  for _ in $(seq "$1"); do
    begin=${EPOCHREALTIME/./}
    run_true >/dev/null || return
    echo "took $((${EPOCHREALTIME/./} - begin)) us"
  done
}

run_variant() {  # CASE...
  local pattern one
  if start_client >"$work/start" 2>&1; then
    if [ -n "${TIMES-}" ]; then
      time_it "$TIMES" || report 1 'run true' ''
      set -- '^$'
    fi
    for pattern in "${@:-.}"; do
      for one in $(cases | grep -- "${pattern// /_}"); do run_case "$one"; done
    done
  else
    report 1 'the client starts' "$(cat "$work/start")"
  fi
  stop_client >/dev/null 2>&1
}

# Inside of the namespaces.
run_inside() {  # CASE...
  ip link set lo up
  if ! by_systemd; then
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -m 1777 /run/lock
  fi
  # crun refuses to run where cgroup v2 has controllers beside cgroup v1.
  if [ "$runtime_name" = crun ] && [ -n "$(cat /sys/fs/cgroup/unified/cgroup.controllers 2>/dev/null)" ]; then
    mount -t tmpfs hidden /sys/fs/cgroup/unified
  fi
  mount_points >"$work/mounts"
  top_cgroups >"$work/cgroups"
  "$clients/image.sh" "$work/image.tar" "$image" || exit 2
  for variant in "${variants[@]}"; do run_variant "$@"; done
  variant=
  # Before anybody looks for cgroups: crun has made plain directories there.
  ! grep -q '^hidden /sys/fs/cgroup/unified ' /proc/mounts || umount /sys/fs/cgroup/unified
  check_leftovers
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
}

refuse() { echo "$client.sh: $*" >&2; exit 2; }

run_client() {  # RUNTIME [CASE]...
  if [ -n "${TSOCI_CLIENT_INSIDE-}" ]; then
    runtime=$1
    runtime_name=$(basename "$runtime")
    work=$TSOCI_CLIENT_INSIDE
    cgroup_parent=$(parent_of "$work")
    shift
    run_inside "$@"
    exit
  fi

  [ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || refuse 'needs root'
  runtime=$(command -v -- "$1") || refuse "\"$1\" is not a program"
  # What a shim is shows its name, be that a link's.
  if is_shim "$runtime"; then runtime=$(realpath -s -- "$runtime"); else runtime=$(readlink -f -- "$runtime"); fi
  shift
  "$clients/setup.sh" "${packages[@]}" >&2 || refuse 'its packages cannot be installed'
  # Two runs at once would take each other's $fixed_parents for what they have left themselves.
  exec 9>"/tmp/tsoci-$client.lock"
  flock 9
  work=$(mktemp -d "/tmp/tsoci-$client.XXXXXX") || exit 2
  chmod 755 "$work"
  cgroup_parent=$(parent_of "$work")
  namespace_options=(--mount --propagation private --net)
  by_systemd || namespace_options+=(--pid --mount-proc --fork --kill-child)
  # With it goes process 1 of the namespace, and all others there.
  trap 'kill -KILL "$namespaces" 2>/dev/null' INT TERM
  TSOCI_CLIENT_INSIDE=$work unshare "${namespace_options[@]}" bash "$0" "$runtime" "$@" </dev/null 9>&- &
  namespaces=$!
  wait "$namespaces"
  status=$?
  wait "$namespaces" 2>/dev/null  # the first one may have been interrupted
  remove_cgroups
  if [ -n "${KEEP-}" ]; then echo "# kept $work"; else rm -rf --one-file-system "$work"; fi
  exit "$status"
}
