#!/bin/bash
# containerd.sh RUNTIME [CASE]...: containerd's shim for runc (io.containerd.runc.v2) calls RUNTIME, asked by ctr.
# containerd.sh SHIM [CASE]...: containerd starts SHIM, a containerd-shim-NAME-VERSION, and there are more cases.
#
# CASE is a part of a case's name. Prints `ok` or `not ok` for each, and last 'N passed, M failed, K skipped'.
#   KEEP=1                  keeps the run's files
#   TSOCI_CONTAINERD=SUITE  is the containerd of another Debian release: trixie, sid
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/containerd-daemon.sh"

packages=(containerd criu)
fixed_parents=(default)
socket=''

ctr() { timeout --kill-after 5 $((60 * patience)) "$ctr" --address "$socket" "$@"; }

# The options that name the runtime, as docs/callers.md and docs/containerd.md say.
runtime_options=(--runtime)

# Prints what the program prints. The container's name is last of the options, as ctr wants it.
run() {  # [OPTION]... -- COMMAND...
  local options=()
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  ctr run --rm "${runtime_options[@]}" --cgroup "$(cgroup_name once)" "${options[@]}" "$image" once "$@"
}

run_true() { run -- true; }

start() {  # ID [OPTION]... -- COMMAND...: leaves it running
  local id=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  ctr run --detach "${runtime_options[@]}" --cgroup "$(cgroup_name "$id")" "${options[@]}" "$image" "$id" "$@"
}

execute() { ctr task exec --exec-id "e$RANDOM$RANDOM" "$@"; }  # [OPTION]... ID COMMAND...
status_of() { ctr task list | awk -v id="$1" '$1 == id { print $3 }'; }
pid_of() { ctr task list | awk -v id="$1" '$1 == id { print $2 }'; }
is() { equal "$(status_of "$1")" "$2"; }

# ctr has a flag of its own for the shim for runc, and a file of options for all others.
use_systemd() {
  if is_of_runc; then
    runtime_options+=(--runc-systemd-cgroup)
  else
    echo 'SystemdCgroup = true' >"$work/options.toml"
    runtime_options+=(--runtime-config-path "$work/options.toml")
  fi
}

start_client() {
  ctr=$(command -v ctr)
  socket=$work/containerd.sock
  find_shim default
  runtime_options+=("$shim_type")
  in_shim_mode || runtime_options+=(--runc-binary "$runtime")
  ! by_systemd || use_systemd
  cat >"$work/config.toml" <<CONFIG
version = 2
root = "$work/root"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "$socket"
[ttrpc]
  address = "$socket.ttrpc"
CONFIG
  start_daemon && ctr image import "$work/image.tar"
}

stop_client() { stop_daemon; }

if is_shim "${TSOCI_CLIENT_INSIDE:+$1}"; then
  . "$clients/containerd-shim.sh"
  . "$clients/containerd-shim-streams.sh"
  . "$clients/containerd-shim-many.sh"
fi

clear_client() {
  local id
  for id in $(ctr task list -q); do
    ctr task kill --signal KILL "$id"
    wait_until fails is "$id" RUNNING
    ctr task delete --force "$id"
  done
  for id in $(ctr container list -q); do ctr container delete "$id"; done
}

# --- What a program gets.

case_run_prints_what_the_program_prints() { equal "$(run -- echo hello)" hello; }
case_run_ends_with_the_status_of_the_program() { exits_with 7 run -- sh -c 'exit 7'; }
case_stderr_stays_apart() { equal "$(run -- sh -c 'echo oops >&2' 2>&1 >/dev/null | grep -v DEPRECATION)" oops; }
case_stdin_is_a_pipe() { equal "$(echo word | run -- head -n 1)" word; }
case_8_mib_of_output_arrive() { equal "$(run -- dd if=/dev/zero bs=1M count=8 2>/dev/null | wc -c)" 8388608; }
case_environment_and_directory() { equal "$(run --env A=b --cwd /tmp -- sh -c 'echo $A $PWD')" 'b /tmp'; }

case_tty() {
  local found
  found=$(exits_with 3 in_terminal "$ctr" --address "$socket" run --rm --tty "${runtime_options[@]}" \
    --cgroup "$(cgroup_name once)" "$image" once \
    sh -c "$when_size_is_set; tty; stty size; exit 3")
  contains "$found" /dev/pts/0
  contains "$found" '33 111'
}

case_a_missing_program_is_named() {
  local found
  found=$(fails run -- /no/such 2>&1)
  contains "$found" '/no/such'
  contains "${found,,}" 'no such file or directory'
  equal "$(ctr task list -q)" ''
}

# --- Namespaces, mounts, rights.

case_pid_namespace() { equal "$(run -- sh -c 'echo $$')" 1; }
case_network_namespace() { equal "$(run -- ls /sys/class/net)" lo; }
case_host_network() { equal "$(run --net-host -- readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"; }
case_user_namespace() {
  local found
  found=$(run --uidmap 0:100000:65536 --gidmap 0:100000:65536 -- sh -c 'cat /proc/self/uid_map; id -u; touch /tmp/x && echo wrote')
  contains "$(tr -s ' \n' ' ' <<<"$found")" '0 100000 65536 0 wrote'
}
case_joining_namespaces() {
  start host -- sleep 1000
  local pid
  pid=$(pid_of host)
  contains "$(run --with-ns "pid:/proc/$pid/ns/pid" --with-ns "ipc:/proc/$pid/ns/ipc" -- ps)" 'sleep 1000'
}
case_read_only_rootfs() { contains "$(run --read-only -- touch /x 2>&1)" 'Read-only file system'; }
case_rootfs_of_a_directory() {
  busybox_root "$work/rootfs"
  equal "$(ctr run --rm "${runtime_options[@]}" --cgroup "$(cgroup_name once)" --rootfs "$work/rootfs" once /bin/echo found)" found
}
case_no_pivot() { equal "$(run --no-pivot -- echo found)" found; }
case_bind_mount_read_only() {
  local found
  mkdir -p "$work/ro"
  echo data >"$work/ro/file"
  found=$(run --mount "type=bind,src=$work/ro,dst=/m,options=rbind:ro" -- sh -c 'cat /m/file; touch /m/x' 2>&1 || :)
  contains "$found" data
  contains "$found" 'Read-only file system'
}
case_bind_mount_writable() {
  mkdir -p "$work/rw"
  run --mount "type=bind,src=$work/rw,dst=/m,options=rbind:rw" -- touch /m/made
  test -f "$work/rw/made"
}
case_tmpfs_with_a_size() {
  contains "$(run --mount type=tmpfs,src=tmpfs,dst=/t,options=size=1m -- grep ' /t ' /proc/mounts)" size=1024k
}
case_read_only_paths() {
  contains "$(run -- sh -c 'echo 1 >/proc/sys/kernel/panic' 2>&1)" 'Read-only file system'
}
case_capability_dropped() { contains "$(run --cap-drop CAP_CHOWN -- chown 1 /tmp 2>&1)" 'not permitted'; }
case_capability_added() { equal "$(run --cap-add CAP_SYS_ADMIN -- sh -c 'mount -t tmpfs x /mnt && echo mounted')" mounted; }
case_privileged() { equal "$(run --privileged -- sh -c 'mount -t tmpfs x /mnt && echo mounted')" mounted; }
case_no_new_privileges() {
  contains "$(run -- grep NoNewPrivs /proc/self/status)" 1
  contains "$(run --allow-new-privs -- grep NoNewPrivs /proc/self/status)" 0
}
case_seccomp_default_profile() {
  contains "$(run --seccomp -- grep ^Seccomp: /proc/self/status)" 2
  contains "$(run --seccomp -- unshare -U true 2>&1)" 'not permitted'
}
case_seccomp_profile_of_a_file() {
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":
    [{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":30}]}' >"$work/seccomp.json"
  contains "$(run --seccomp --seccomp-profile "$work/seccomp.json" -- mkdir /x 2>&1)" 'Read-only file system'
}

# --- Devices and limits.

case_device_given() { contains "$(run --device /dev/fuse -- ls -l /dev/fuse)" '10, 229'; }
case_device_denied() {
  contains "$(run --cap-add CAP_MKNOD -- sh -c 'mknod /tmp/x b 254 0; cat /tmp/x' 2>&1)" 'not permitted'
}
case_memory_limit() {
  start limited --memory-limit 67108864 -- sleep 1000
  equal "$(cgroup_value "$(pid_of limited)" memory memory.limit_in_bytes memory.max)" 67108864
}
case_cpu_limit() {
  start limited --cpus 0.5 -- sleep 1000
  contains "$(cgroup_value "$(pid_of limited)" cpu cpu.cfs_quota_us cpu.max)" 50000
}
case_cgroup_path() {
  start box -- sleep 1000
  contains "$(cat "/proc/$(pid_of box)/cgroup")" "$(cgroup_path box)"
}
case_too_much_memory_kills() {
  # shellcheck disable=SC2016
  exits_with 137 run --memory-limit 16777216 -- sh -c 'a=x; while :; do a=$a$a; done'
}

# --- exec.

case_exec_prints_what_the_program_prints() {
  start box -- sleep 1000
  equal "$(execute box echo hello)" hello
}
case_exec_ends_with_the_status_of_the_program() {
  start box -- sleep 1000
  exits_with 9 execute box sh -c 'exit 9'
}
case_exec_user_and_directory() {
  start box -- sleep 1000
  equal "$(execute --user 1000 --cwd /tmp box sh -c 'id -u; pwd' | tr '\n' ' ')" '1000 /tmp '
}
case_exec_tty() {
  local found
  start box -- sleep 1000
  found=$(exits_with 4 in_terminal "$ctr" --address "$socket" task exec --tty --exec-id tty box \
    sh -c "$when_size_is_set; tty; stty size; exit 4")
  contains "$found" /dev/pts/
  contains "$found" '33 111'
}
case_exec_stdin() {
  start box -- sleep 1000
  equal "$(echo word | execute box cat)" word
}
case_exec_detached() {
  start box -- sleep 1000
  execute --detach box sleep 77
  wait_until eval 'contains "$(execute box ps)" "sleep 77"'
}
case_exec_of_a_missing_program() {
  local found
  start box -- sleep 1000
  found=$(fails execute box /no/such 2>&1)
  contains "${found,,}" 'no such file or directory'
}
case_exec_killed_alone() {
  start box -- sleep 1000
  ctr task exec --detach --exec-id victim box sleep 88
  ctr task kill --exec-id victim --signal KILL box
  wait_until eval 'lacks "$(execute box ps)" "sleep 88"'
  is box RUNNING
}

# --- The life of a container.

case_detached_it_runs() {
  start box -- sleep 1000
  is box RUNNING
}
case_ps_lists_processes() {
  start box -- sleep 1000
  contains "$(ctr task ps box)" "$(pid_of box)"
}
case_metrics() {
  local found
  start box -- sleep 1000
  found=$(ctr task metrics box)
  contains "$found" memory
  contains "$found" cpu
}
case_pause_and_resume() {
  start box -- sleep 1000
  ctr task pause box
  is box PAUSED
  fails execute box true
  ctr task resume box
  is box RUNNING
  execute box true
}
case_events() {
  local event
  timeout $((60 * patience)) "$ctr" --address "$socket" events >"$work/events" 2>&1 &
  # Until a container has come and gone nothing tells whether it listens yet.
  wait_until eval 'run -- true && grep -q /tasks/exit "$work/events"'
  kill $!
  for event in create start exit; do contains "$(cat "$work/events")" "/tasks/$event"; done
}
case_term_reaches_the_program() {
  start box -- sh -c 'trap "exit 5" TERM; echo >/tmp/ready; while :; do :; done'
  wait_until execute box test -f /tmp/ready
  ctr task kill box
  wait_until is box STOPPED
  contains "$(ctr task delete box 2>&1)" 5
}
case_kill_ends_a_container() {
  start box -- sleep 1000
  ctr task kill --signal KILL box
  wait_until is box STOPPED
  ctr task delete --force box
  ctr container delete box
  equal "$(ctr container list -q)" ''
}
case_kill_all() {
  start box -- sh -c 'sleep 1000 & exec sleep 1001'
  ctr task kill --all --signal KILL box
  wait_until is box STOPPED
}
case_the_end_of_init_ends_the_others() {
  start box -- sh -c 'sleep 1000 & exec sleep 1001'
  local other
  wait_until eval 'contains "$(ctr task ps box | wc -l)" 3'
  other=$(ctr task ps box | awk -v init="$(pid_of box)" '$1 ~ /^[0-9]+$/ && $1 != init { print $1 }')
  ctr task kill --signal KILL box
  wait_until fails kill -0 "$other"
}
case_a_running_container_is_not_deleted() {
  start box -- sleep 1000
  fails ctr task delete box
  is box RUNNING
}
case_a_name_in_use_is_refused() {
  start once -- sleep 1000
  fails run -- true
  is once RUNNING
}
case_a_killed_shim_ends_its_container() {
  local pid
  start box -- sleep 1000
  pid=$(pid_of box)
  kill -KILL "$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")"
  wait_until fails kill -0 "$pid"
}
case_containers_outlive_the_daemon() {
  start box -- sleep 1000
  stop_daemon
  start_daemon
  is box RUNNING
  execute box true
}
case_pid_file() {
  start box --pid-file "$work/pid" -- sleep 1000
  equal "$(cat "$work/pid")" "$(pid_of box)"
}
case_log_file() {
  start box --log-uri "file://$work/log" -- echo logged
  wait_until is box STOPPED
  wait_until grep -q logged "$work/log"
}
case_without_streams() { equal "$(run --null-io -- echo hidden)" ''; }
case_ten_at_once() {
  local i children=()
  mkdir "$work/many"
  # Into files: with much to do ctr itself loses lines that a program writes right before its end.
  for i in {1..10}; do
    ctr run --rm "${runtime_options[@]}" --cgroup "$(cgroup_name "many$i")" \
      --mount "type=bind,src=$work/many,dst=/many,options=rbind:rw" "$image" "many$i" touch "/many/$i" &
    children+=($!)
  done
  for i in "${children[@]}"; do wait "$i"; done
  equal "$(find "$work/many" -type f | wc -l)" 10
}

# --- Checkpoints.

case_checkpoint_leaves_it_running() {
  criu_works || cannot 'criu check fails on this machine'
  is_of_runc || cannot 'ctr tells no shim but that for runc where to checkpoint to'
  start box -- sh -c "$counting"
  wait_until execute box test -s /tmp/count
  ctr task checkpoint --image-path "$work/dump" --work-path "$work/dump-log" box
  contains "$(ls "$work/dump")" core-
  is box RUNNING
}
case_checkpoint_and_restore() {
  criu_works || cannot 'criu check fails on this machine'
  local count
  start box -- sh -c "$counting"
  wait_until eval 'above "$(execute box cat /tmp/count)" 5'
  ctr container checkpoint --rw --task --image box docker.io/library/checkpoint:1
  count=$(execute box cat /tmp/count)
  clear_client
  ctr container restore --rw --live again docker.io/library/checkpoint:1
  wait_until eval 'above "$(execute again cat /tmp/count)" '"$count"
}

run_client "$@"
