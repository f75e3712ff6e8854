# shellcheck shell=bash disable=SC2154,SC2034  # variables of lib.sh and containerd.sh
# containerd-shim.sh: cases of containerd.sh about the life of a shim: groups, crashes, restarts, events.

# --- What a shim is and leaves.

shim_of() { sed -n 's/^PPid:\t//p' "/proc/$(pid_of "$1")/status"; }  # ID
kill_shim_of() { kill -KILL "$(shim_of "$1")"; }  # ID

# Of all cases until now: containerd itself may stay.
left_beside_the_daemon() {
  # Into a file: one more shell would be taken for a stranger.
  { strangers; comm -13 "$work/mounts" <(mount_points); own_cgroups; states; } >"$work/left"
  grep -v "^process $(cat "$work/daemon"): " "$work/left" || :
}

sockets() { find /run/containerd/s -type s; }

nothing_is_left_of() {  # ID...: whose shim is gone
  local id
  for id in "$@"; do
    wait_until fails is "$id" RUNNING
    # containerd may have found out by itself, and deleted the task.
    ctr task delete --force "$id" || :
    ctr container delete "$id"
  done
  local case_shell=$BASHPID
  wait_until eval 'equal "$(left_beside_the_daemon)" ""'
}

# Some versions of ctr end with the status of the task, others name it in a warning.
deleted_with() {  # STATUS ID
  local found status=0
  found=$(ctr task delete "$2" 2>&1) || status=$?
  [ "$status" = "$1" ] || contains "$found " "exit code $1"
}

# --- Events.

listen() {
  timeout $((60 * patience)) "$ctr" --address "$socket" events >"$work/events" 2>&1 &
  listener=$!
  trap 'kill "$listener" 2>/dev/null' EXIT
  # Only an event of something else tells that it listens.
  wait_until eval 'ctr namespaces label default probe=$RANDOM && grep -q /namespaces/update "$work/events"'
}

events_of() {  # ID: their topics, in their order
  sed -n 's|.* default /tasks/\([a-z-]*\) {.*"container_id":"'"$1"'".*|\1|p' "$work/events"
}

told() {  # ID TOPIC...: all of them in this order, and no others
  local id=$1
  shift
  equal "$(events_of "$id" | tr '\n' ' ')" "$* "
}

has_told() { events_of "$1" | grep -qx "$2"; }  # ID TOPIC

exit_told() {  # ID STATUS: of a container's own process, whose exec id is the container's
  contains "$(grep '/tasks/exit ' "$work/events")" "\"container_id\":\"$1\",\"id\":\"$1\""
  contains "$(grep '/tasks/exit ' "$work/events" | grep "\"id\":\"$1\"")" "\"exit_status\":$2"
}

# --- Groups.

in_group=(--annotation io.containerd.runc.v2.group=pod)

case_containers_of_a_group_share_a_shim() {
  start one "${in_group[@]}" -- sleep 1000
  start two "${in_group[@]}" -- sleep 1000
  equal "$(shim_of two)" "$(shim_of one)"
  ctr task kill --signal KILL one
  wait_until is one STOPPED
  is two RUNNING
  execute two true
}
case_containers_of_no_group_have_their_own_shims() {
  start one -- sleep 1000
  start two -- sleep 1000
  fails equal "$(shim_of two)" "$(shim_of one)"
}
case_the_last_of_a_group_ends_its_shim() {
  local shim id
  for id in one two; do start "$id" "${in_group[@]}" -- sleep 1000; done
  shim=$(shim_of one)
  for id in one two; do
    kill -0 "$shim"
    ctr task kill --signal KILL "$id"
    wait_until is "$id" STOPPED
    deleted_with 137 "$id"
  done
  wait_until fails kill -0 "$shim"
}
case_a_first_of_a_group_may_end_and_come_back() {
  local shim
  start one "${in_group[@]}" -- sh -c 'exit 3'
  start two "${in_group[@]}" -- sleep 1000
  shim=$(shim_of two)
  wait_until is one STOPPED
  deleted_with 3 one
  ctr container delete one
  start one "${in_group[@]}" -- sleep 1000
  equal "$(shim_of one)" "$shim"
}
case_a_shim_and_its_socket_go_with_the_container() {
  local shim before
  before=$(sockets)
  start box -- sleep 1000
  shim=$(shim_of box)
  ctr task kill --signal KILL box
  wait_until is box STOPPED
  deleted_with 137 box
  wait_until fails kill -0 "$shim"
  equal "$(sockets)" "$before"
}
case_a_shim_may_be_named_by_its_path() {
  equal "$(ctr run --rm --runtime "$runtime" --cgroup "$(cgroup_name once)" "$image" once echo found)" found
}
case_the_daemon_can_ask_what_it_is() {
  ctr plugins --help | grep -q inspect-runtime || cannot 'ctr has no inspect-runtime'
  local found
  found=$(ctr plugins inspect-runtime --runtime "$shim_type")
  contains "$found" '"ociVersionMax"'
  contains "$found" '"mountOptions"'
}

# --- A shim that is killed.

case_a_killed_shim_leaves_nothing() {
  start box -- sh -c 'sleep 1000 & exec sleep 1001'
  kill_shim_of box
  nothing_is_left_of box
}
case_a_shim_killed_during_an_exec_leaves_nothing() {
  start box -- sleep 1000
  execute --detach box sleep 77
  kill_shim_of box
  nothing_is_left_of box
}
case_a_killed_shim_leaves_no_socket() {
  start box -- sleep 1000
  kill_shim_of box
  nothing_is_left_of box
  wait_until eval 'equal "$(sockets)" ""'
}
case_a_killed_shim_of_a_group_leaves_nothing() {
  start one "${in_group[@]}" -- sleep 1000
  start two "${in_group[@]}" -- sleep 1000
  kill_shim_of one
  nothing_is_left_of one two
}
case_a_shim_killed_when_its_container_is_paused_leaves_nothing() {
  start box -- sleep 1000
  ctr task pause box
  kill_shim_of box
  nothing_is_left_of box
}
case_a_shim_killed_while_the_daemon_is_down_leaves_nothing() {
  start box -- sleep 1000
  local shim
  shim=$(shim_of box)
  stop_daemon
  kill -KILL "$shim"
  start_daemon
  nothing_is_left_of box
}
case_the_exit_of_a_killed_shims_container_is_told() {
  start box -- sleep 1000
  listen
  kill_shim_of box
  wait_until exit_told box 137
}
case_a_name_is_free_after_a_killed_shim() {
  start box -- sleep 1000
  kill_shim_of box
  nothing_is_left_of box
  start box -- sleep 1000
  execute box true
}

# --- A daemon that is started again.

case_exec_kill_and_delete_after_a_restart() {
  start box -- sleep 1000
  stop_daemon
  start_daemon
  exits_with 9 execute box sh -c 'exit 9'
  ctr task kill --signal KILL box
  wait_until is box STOPPED
  deleted_with 137 box
}
case_pause_and_metrics_after_a_restart() {
  start box -- sleep 1000
  ctr task pause box
  stop_daemon
  start_daemon
  is box PAUSED
  contains "$(ctr task metrics box)" memory
  ctr task resume box
  is box RUNNING
}
case_attached_after_a_restart() {
  mkdir -p "$work/steps"
  # What it writes before, the ctr that starts it may still read.
  start box --mount "type=bind,src=$work/steps,dst=/steps,options=rbind:ro" -- \
    sh -c 'until [ -e /steps/1 ]; do :; done; echo found; until [ -e /steps/2 ]; do :; done; exit 6'
  stop_daemon
  start_daemon
  ctr task attach box >"$work/attached" 2>&1 &
  touch "$work/steps/1"
  wait_until grep -qx found "$work/attached"
  touch "$work/steps/2"
  exits_with 6 wait $!
}
case_an_exit_while_the_daemon_is_down_is_kept() {
  start box -- sh -c 'trap "exit 5" TERM; echo >/tmp/ready; while :; do :; done'
  wait_until execute box test -f /tmp/ready
  local pid
  pid=$(pid_of box)
  stop_daemon
  kill "$pid"
  start_daemon
  wait_until fails is box RUNNING
  [ -n "$(status_of box)" ] || cannot 'this containerd deletes what has ended meanwhile'
  deleted_with 5 box
}
case_an_exec_goes_on_over_a_restart() {
  start box -- sleep 1000
  ctr task exec --detach --exec-id stays box sleep 88
  stop_daemon
  start_daemon
  contains "$(execute box ps)" 'sleep 88'
  ctr task kill --exec-id stays --signal KILL box
  wait_until eval 'lacks "$(execute box ps)" "sleep 88"'
  is box RUNNING
}
case_events_go_on_after_a_restart() {
  start box -- sleep 1000
  stop_daemon
  start_daemon
  listen
  ctr task kill --signal KILL box
  wait_until exit_told box 137
}
case_a_group_outlives_a_restart() {
  start one "${in_group[@]}" -- sleep 1000
  start two "${in_group[@]}" -- sleep 1000
  local shim
  shim=$(shim_of one)
  stop_daemon
  start_daemon
  start three "${in_group[@]}" -- sleep 1000
  equal "$(shim_of three)" "$shim"
  is one RUNNING
  is two RUNNING
}

# --- Events.

case_events_of_a_run_in_their_order() {
  listen
  exits_with 7 run -- sh -c 'exit 7'
  wait_until has_told once delete
  told once create start exit delete
  exit_told once 7
}
case_events_of_an_exec_in_their_order() {
  start box -- sleep 1000
  listen
  exits_with 9 execute box sh -c 'exit 9'
  wait_until has_told box exit
  told box exec-added exec-started exit
  contains "$(grep /tasks/exit "$work/events")" '"exit_status":9'
}
case_the_exit_of_init_is_told_last() {
  start box -- sleep 1000
  local i
  for i in 1 2 3; do ctr task exec --detach --exec-id "e$i" box sleep 1000; done
  listen
  ctr task kill --signal KILL box
  wait_until exit_told box 137
  told box exit exit exit exit
  contains "$(grep '/tasks/exit ' "$work/events" | tail -n 1)" '"id":"box"'
}
case_events_of_pause_and_resume() {
  start box -- sleep 1000
  listen
  ctr task pause box
  ctr task resume box
  wait_until has_told box resumed
  told box paused resumed
}
case_too_much_memory_is_told() {
  listen
  start box --memory-limit 16777216 -- sh -c 'a=x; while :; do a=$a$a; done'
  wait_until exit_told box 137
  wait_until has_told box oom
  contains "$(events_of box | tr '\n' ' ')" 'create start '
}

# --- Tasks.

case_metrics_are_those_of_the_cgroup() {
  local found
  start box --memory-limit 67108864 -- sh -c 'sleep 1000 & exec sleep 1001'
  wait_until eval 'contains "$(ctr task ps box | wc -l)" 3'
  found=$(ctr task metrics box | tr -s ' \t' ' ')
  contains "$found" 'pids.current 2'
  contains "$found" ' 67108864'
}
case_ps_tells_the_execs() {
  start box -- sleep 1000
  ctr task exec --detach --exec-id named box sleep 77
  contains "$(ctr task ps box)" named
}
case_an_exec_id_in_use_is_refused() {
  start box -- sleep 1000
  ctr task exec --detach --exec-id same box sleep 77
  contains "$(fails ctr task exec --exec-id same box true 2>&1)" 'already exists'
}
case_a_stopped_container_is_not_killed() {
  start box -- true
  wait_until is box STOPPED
  contains "$(fails ctr task kill box 2>&1)" 'not found'
}
case_a_stopped_container_is_deleted_once() {
  start box -- sh -c 'exit 5'
  wait_until is box STOPPED
  deleted_with 5 box
  contains "$(fails ctr task delete box 2>&1)" 'not found'
}
case_a_failed_create_leaves_nothing() {
  fails start box -- /no/such
  nothing_is_left_of box
}
