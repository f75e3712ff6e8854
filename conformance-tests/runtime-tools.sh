#!/bin/bash
# runtime-tools.sh RUNTIME [TEST]...: runs the OCI conformance suite, or some of its tests, against RUNTIME.
#
# One line for each test, the known misses with their reasons, and last 'N passed, N failed, N skipped',
# where a known miss counts as skipped.
# Exit status: 0 nothing failed that runtime-tools/expected.tsv does not list, 1 something did, 2 not run.
# See runtime-tools/README.md.
#
#   SUITE    a directory with the suite already built (default: the cache directory, built when it is empty)
#   LOGS     keeps what each test printed in this directory
#   TIMEOUT  seconds that a test may take (default 60)
set -u
tools=$(cd "$(dirname "$0")/runtime-tools" && pwd)
repository=$(cd "$tools/../.." && pwd)
say() { echo "runtime-tools.sh: $*" >&2; }
refuse() { say "$*"; exit 2; }

[ $# -ge 1 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
runtime=$(command -v -- "$1") || refuse "\"$1\" is not a program"
case $runtime in /*) ;; *) runtime=$PWD/$runtime ;; esac
shift
[ "$(id -u)" = 0 ] || refuse 'needs root'
seconds=${TIMEOUT:-60}

suite=${SUITE:-${XDG_CACHE_HOME:+$XDG_CACHE_HOME/tsoci/runtime-tools}}
suite=${suite:-$repository/build/runtime-tools}
if [ ! -x "$suite/runtimetest" ]; then
  "$tools/get.sh" "$suite" >&2 || refuse 'the suite cannot be built'
fi
suite=$(readlink -f "$suite")

# The suite's cgroups have fixed names: two runs at once would take each other's.
exec 9>"${TMPDIR:-/tmp}/tsoci-runtime-tools.lock"
flock -w 3600 9 || refuse 'another run does not end'
fixed_cgroups() { ls -d /sys/fs/cgroup/{,*/}{cgrouptest,testdir} 2>/dev/null; }
[ -z "$(fixed_cgroups)" ] || refuse "there is already $(fixed_cgroups | head -n 1), which is not of this run"

work=$(mktemp -d "${TMPDIR:-/tmp}/runtime-tools.XXXXXX") || exit 2
chmod 755 "$work"
logs=${LOGS:-$work/logs}
mkdir -p "$logs" "$work/cwd"
logs=$(readlink -f "$logs")
# Copies: the suite does not follow links.
cp "$suite"/rootfs-*.tar.gz "$suite/runtimetest" "$work/cwd/"

created_ids() {
  local hex='[0-9a-f]' id
  id="$hex{8}-$hex{4}-$hex{4}-$hex{4}-$hex{12}"
  sed -nE "s/^create .* ($id)\$/\1/p" "$work/calls" 2>/dev/null | sort -u
}

remove_cgroup_tree() { find "$1" -depth -type d -exec rmdir {} \; 2>/dev/null; }

remove_cgroups() {
  local id dir
  for id in $(created_ids); do
    find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name "*$id*" 2>/dev/null
  done | while read -r dir; do remove_cgroup_tree "$dir"; done
  for dir in $(fixed_cgroups); do remove_cgroup_tree "$dir"; done
}

finish() {
  remove_cgroups
  cd /
  rm -rf --one-file-system "${work:?}"
}
trap finish EXIT
trap 'exit 130' INT TERM

# What the suite calls for a runtime: it notes the call, and gives the runtime a root of its own.
write_wrapper() {  # PREFIX...
  cat >"$work/runtime" <<WRAPPER
#!/bin/sh
echo "\$*" >>$work/calls
exec $* $runtime --root $work/root "\$@"
WRAPPER
  chmod 755 "$work/runtime"
}

# Process 1 of a test's pid namespace: runs the program, then forces away the containers that it left.
# The suite takes the first two network interfaces there are, so some are made.
cat >"$work/attend" <<'ATTEND'
seconds=$1 program=$2 work=$3 output=$4
ip link set lo up
ip link add eth0 type veth peer name eth1
timeout --kill-after 5 "$seconds" "$program" </dev/null >"$output.out" 2>"$output.err"
status=$?
left=0
for id in $(sed -nE 's/^create .* ([0-9a-f-]{36})$/\1/p' "$work/calls" | sort -u); do
  timeout 10 "$work/runtime" state "$id" >/dev/null 2>&1 || continue
  left=$((left + 1))
  timeout 10 "$work/runtime" delete --force "$id" >/dev/null 2>&1
done
echo "$status $left" >"$work/ending"
ATTEND

# Sets verdict, wrong, detail and left.
attempt() {  # TEST
  local name=$1 output=$logs/$1 cgroup=--cgroup status
  rm -rf --one-file-system "$work/root" "$work/tmp" "$work/ending" "$work/calls"
  mkdir "$work/root" "$work/tmp"
  chmod 1777 "$work/tmp"
  : >"$work/calls"
  write_wrapper
  case $name in linux_cgroups_relative_*)
    write_wrapper unshare --cgroup --
    cgroup= ;;
  esac
  TMPDIR=$work/tmp RUNTIME=$work/runtime timeout --signal KILL $((seconds + 60)) \
    unshare --mount --propagation private --uts --ipc --net --pid $cgroup --fork --kill-child \
    --mount-proc bash "$work/attend" "$seconds" "$suite/validation/$name.t" "$work" "$output" 9>&-
  read -r status left <"$work/ending" 2>/dev/null || { status=137 left=0; }
  if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    verdict=failed wrong=all detail="took longer than $seconds s"
  else
    IFS=$'\t' read -r verdict wrong detail < <(awk -v status="$status" -f "$tools/judge.awk" "$output.out")
  fi
  [ "$verdict" != failed ] || detail="$detail $(head -c 300 "$output.err" | tr '\n\t' '  ')"
  remove_cgroups
}

expectation() { awk -F '\t' -v test="$1" '$1 == test { print $2 "|" $3 "|" $4 "|" $5 "|" $6 }' "$tools/expected.tsv"; }

[ $# -gt 0 ] || set -- $(cd "$suite/validation" && ls | sed -n 's/\.t$//p')
passed=0 failed=0 misses=()
cd "$work/cwd" || exit 2
for name in "$@"; do
  name=$(basename "$name" .t)
  [ -x "$suite/validation/$name.t" ] || refuse "there is no test \"$name\""
  IFS='|' read -r expected allowed tries area reason < <(expectation "$name")
  for ((try = 1; try <= ${tries:-1}; try++)); do
    attempt "$name"
    [ "$verdict" = failed ] || break
  done
  [ "${left:-0}" = 0 ] || detail="$detail ($left containers left behind)"
  if [ "$verdict" != failed ]; then
    passed=$((passed + 1))
    note=
    [ "$expected" != miss ] || note=' although it was expected to miss'
    echo "ok      $name: $detail$note"
  elif [ "$expected" = miss ] && { [ "$allowed" = - ] || [ "$wrong" = "$allowed" ]; }; then
    misses+=("$name ($area): $reason")
    echo "miss    $name: $detail"
  else
    failed=$((failed + 1))
    echo "FAILED  $name: $detail"
  fi
done

if [ ${#misses[@]} -gt 0 ]; then
  echo
  echo "${#misses[@]} known misses, counted as skipped:"
  printf '  %s\n' "${misses[@]}"
fi
echo "$passed passed, $failed failed, ${#misses[@]} skipped"
[ "$failed" = 0 ]
