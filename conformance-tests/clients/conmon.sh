#!/bin/bash
# conmon.sh RUNTIME [CASE]...: what cri-o asks of conmon and, beside it, of the runtime itself.
#
# CASE is a part of a case's name. Prints `ok` or `not ok` for each, and last 'N passed, M failed, K skipped'.
#   KEEP=1  keeps the run's files
. "$(dirname "$0")/lib.sh"

packages=(conmon jq socat)
exits='' states='' global_options=()

start_client() {
  exits=$work/exits
  states=$work/states
  state_roots=("$states")
  global_options=(--root "$states")
  ! by_systemd || global_options+=(--systemd-cgroup)
  mkdir "$exits" "$states" "$work/persist" "$work/sockets"
  busybox_root "$work/rootfs"
}

call() { timeout --kill-after 5 $((60 * patience)) "$runtime" "${global_options[@]}" "$@"; }

clear_client() {
  local bundle id
  for bundle in "$work"/bundles/*/; do
    id=$(basename "$bundle")
    call delete --force "$id"
    # conmon ends after it has written the exit file; a container that was never started has none.
    wait_until fails kill -0 "$(cat "$bundle/conmon-pid")"
    rm -rf --one-file-system "$bundle" "${exits:?}/$id"
  done
}

bundle_of() { echo "$work/bundles/$1"; }

as_json() { jq --null-input '$ARGS.positional' --args -- "$@"; }

# Changes the config.json of a container.
configure() {  # ID JQ_FILTER
  local config
  config=$(bundle_of "$1")/config.json
  jq "$2" "$config" >"$config.new"
  mv "$config.new" "$config"
}

new_bundle() {  # ID COMMAND...
  local id=$1 bundle
  shift
  bundle=$(bundle_of "$id")
  mkdir -p "$bundle"
  (cd "$bundle" && "$runtime" spec)
  configure "$id" "$(as_json "$@") as \$command
    | .process.args = \$command | .process.terminal = false | del(.process.rlimits)
    | .root.path = \"$work/rootfs\" | .linux.cgroupsPath = \"$(cgroup_name "$id")\""
}

# Sets $reply to what conmon says on the pipe that cri-o reads.
hear() {
  reply=
  IFS= read -r -t $((30 * patience)) -u 7 reply || complain 'conmon said nothing'
}

monitor() {  # ID [OPTION]...: conmon makes the container; $reply is its word on it
  local id=$1 bundle
  shift
  bundle=$(bundle_of "$id")
  ! by_systemd || set -- --systemd-cgroup "$@"
  [ -p "$bundle/sync" ] || mkfifo "$bundle/sync"
  exec 7<>"$bundle/sync"
  _OCI_SYNCPIPE=7 conmon --syslog --bundle "$bundle" --cid "$id" --cuuid "$id" --name "k8s_$id" \
    --runtime "$runtime" --runtime-arg "--root=$states" --container-pidfile "$bundle/pid" \
    --conmon-pidfile "$bundle/conmon-pid" --exit-dir "$exits" --persist-dir "$work/persist" \
    --socket-dir-path "$work/sockets" --log-path "$bundle/log" --log-level info "$@" >"$bundle/conmon-log" 2>&1
  hear
}

create() {  # ID COMMAND...
  new_bundle "$@"
  monitor "$1"
  above "$(jq .pid <<<"$reply")" 0
}

run() {  # ID COMMAND...
  create "$@"
  call start "$1"
}

status_of() { call state "$1" | jq --raw-output .status; }
is() { equal "$(status_of "$1")" "$2"; }
exit_file_says() { equal "$(cat "$exits/$1")" "$2"; }
logged() { cut -d ' ' -f 2- "$(bundle_of "$1")/log"; }

process() {  # FILE COMMAND...: a process for exec
  as_json "${@:2}" | jq '{args: ., cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0}}' >"$1"
}

execute() {  # ID COMMAND...: as cri-o does for ExecSync
  process "$work/process" "${@:2}"
  call exec --process "$work/process" "$1"
}

# What arrives at a client that attaches: packets, each behind a byte that says from which stream.
attach() { socat -t 5 - "UNIX-CONNECT:$work/sockets/$1/attach,type=5"; }

# --- create and start.

case_create_tells_the_pid() {
  local pid
  create box sleep 1000
  pid=$(jq .pid <<<"$reply")
  equal "$(cat "$(bundle_of box)/pid")" "$pid"
  equal "$(call state box | jq .pid)" "$pid"
  is box created
}
case_create_says_why_it_fails() {
  new_bundle box true
  configure box '.root.path = "/no/such"'
  monitor box
  equal "$(jq .pid <<<"$reply")" -1
  contains "$(jq --raw-output .message <<<"$reply")" /no/such
  equal "$(ls "$states")" ''
}
case_start_runs_the_program() {
  run box sleep 1000
  is box running
}
case_a_missing_program_is_named() {
  local found
  new_bundle box /no/such
  monitor box
  # runc looks the program up at create already, which is as good.
  if [ "$(jq .pid <<<"$reply")" = -1 ]; then found=$reply; else found=$(fails call start box 2>&1); fi
  contains "${found,,}" 'no such file or directory'
}
case_without_pivot_root_and_keyring() {
  new_bundle box sleep 1000
  monitor box --no-pivot --no-new-keyring
  call start box
  is box running
}
case_state_has_bundle_and_annotations() {
  new_bundle box sleep 1000
  configure box '.annotations = {"io.kubernetes.cri-o.SandboxID": "1"}'
  monitor box
  equal "$(call state box | jq --raw-output .bundle)" "$(bundle_of box)"
  equal "$(call state box | jq --raw-output '.annotations["io.kubernetes.cri-o.SandboxID"]')" 1
}
case_namespaces_of_the_pod_are_joined() {
  local pid type types=(network ipc uts)
  run pod sleep 1000
  pid=$(cat "$(bundle_of pod)/pid")
  new_bundle box sleep 1000
  for type in "${types[@]}"; do
    configure box "(.linux.namespaces[] | select(.type == \"$type\")).path = \"/proc/$pid/ns/${type/network/net}\""
  done
  monitor box
  for type in "${types[@]/network/net}"; do
    equal "$(readlink "/proc/$(cat "$(bundle_of box)/pid")/ns/$type")" "$(readlink "/proc/$pid/ns/$type")"
  done
}

# --- The end of a container.

case_exit_file_has_the_status() {
  run box sh -c 'exit 7'
  wait_until exit_file_says box 7
  is box stopped
}
case_exit_file_after_a_signal() {
  run box sleep 1000
  call kill box KILL
  wait_until exit_file_says box 137
}
case_term_by_number() {
  # shellcheck disable=SC2016
  run box sh -c 'trap "exit 5" TERM; echo ready; while :; do :; done'
  wait_until eval 'contains "$(logged box)" ready'
  call kill box 15
  wait_until exit_file_says box 5
}
case_exit_command_runs() {
  new_bundle box true
  monitor box --exit-command /bin/busybox --exit-command-arg touch --exit-command-arg "$work/cleaned"
  call start box
  wait_until test -f "$work/cleaned"
}
case_delete_of_a_stopped_container() {
  run box true
  wait_until exit_file_says box 0
  call delete box
  fails call state box
}
case_delete_by_force_of_a_running_one() {
  run box sleep 1000
  call delete --force box
  fails call state box
  wait_until exit_file_says box 137
}
case_delete_by_force_of_none_is_no_error() { call delete --force nobody; }
case_state_of_none_is_an_error() { contains "$(fails call state nobody 2>&1)" 'does not exist'; }

# --- Streams.

case_log_of_both_streams() {
  run box sh -c 'echo out; echo err >&2'
  wait_until exit_file_says box 0
  equal "$(logged box | sort)" $'stderr F err\nstdout F out'
}
case_attach_hears_the_program() {
  new_bundle box sh -c 'read line; echo "got $line"; read line'
  monitor box --stdin --leave-stdin-open
  call start box
  contains "$(echo word | attach box | tr -d '\1\2\3')" 'got word'
}
case_terminal() {
  new_bundle box sh -c 'tty'
  configure box '.process.terminal = true'
  monitor box --terminal
  call start box
  wait_until exit_file_says box 0
  contains "$(logged box)" /dev/pts/0
}
case_terminal_is_resized() {
  new_bundle box sh -c "$when_size_is_set; stty size"
  configure box '.process.terminal = true'
  monitor box --terminal
  call start box
  # For reading as well: without a reader, opening it would wait.
  echo '1 33 111' 1<>"$(bundle_of box)/ctl"
  wait_until exit_file_says box 0
  contains "$(logged box)" '33 111'
}

# --- exec, attached by the runtime itself and detached by conmon.

case_exec_prints_what_the_program_prints() {
  run box sleep 1000
  equal "$(execute box echo hello)" hello
  equal "$(execute box sh -c 'echo oops >&2' 2>&1 >/dev/null)" oops
}
case_exec_ends_with_the_status_of_the_program() {
  run box sleep 1000
  exits_with 9 execute box sh -c 'exit 9'
}
case_exec_stdin() {
  run box sleep 1000
  equal "$(echo word | execute box cat)" word
}
case_exec_user() {
  run box sleep 1000
  process "$work/process" id -u
  jq '.user = {uid: 1000, gid: 2000}' "$work/process" >"$work/process-1000"
  equal "$(call exec --process "$work/process-1000" box)" 1000
}
case_exec_of_a_missing_program() {
  local found
  run box sleep 1000
  found=$(fails execute box /no/such 2>&1)
  contains "${found,,}" 'no such file or directory'
}
case_exec_detached_tells_its_pid() {
  run box sleep 1000
  process "$work/process" sleep 77
  call exec --detach --pid-file "$work/exec-pid" --process "$work/process" box >"$work/exec-log" 2>&1
  equal "$(tr '\0' ' ' <"/proc/$(cat "$work/exec-pid")/cmdline")" 'sleep 77 '
}
case_exec_by_conmon() {
  local bundle
  run box sleep 1000
  bundle=$(bundle_of box)
  process "$work/process" sh -c 'echo inside; exit 9'
  monitor box --exec --exec-process-spec "$work/process" --container-pidfile "$bundle/exec-pid" \
    --conmon-pidfile "$bundle/exec-conmon-pid" --log-path "$bundle/exec-log"
  equal "$(jq .exit_code <<<"$reply")" 9
  contains "$(cat "$bundle/exec-log")" 'stdout F inside'
}

# --- What cri-o asks of the runtime while a container runs.

case_pause_and_resume() {
  run box sleep 1000
  call pause box
  is box paused
  call resume box
  is box running
}
case_update_from_stdin() {
  run box sleep 1000
  echo '{"memory": {"limit": 100663296}, "pids": {"limit": 50}}' | call update --resources - box
  equal "$(cgroup_value "$(cat "$(bundle_of box)/pid")" memory memory.limit_in_bytes memory.max)" 100663296
  equal "$(cgroup_value "$(cat "$(bundle_of box)/pid")" pids pids.max pids.max)" 50
}
case_ps() {
  run box sleep 1000
  equal "$(call ps --format json box | jq --compact-output .)" "[$(cat "$(bundle_of box)/pid")]"
}
case_events_once() {
  run box sleep 1000
  equal "$(call events --stats box | jq --raw-output .id)" box
}

run_client "$@"
