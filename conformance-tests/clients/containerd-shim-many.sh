# shellcheck shell=bash disable=SC2154  # variables of lib.sh and containerd.sh
# containerd-shim-many.sh: cases of containerd.sh with many containers and processes by one containerd and its shims.
#   TSOCI_MANY=N  so many containers, and ten times as many processes; 20 without it

case_20_containers_at_once() {
  local i children=()
  mkdir -p "$work/twenty"
  for i in {1..20}; do
    ctr run --rm "${runtime_options[@]}" --cgroup "$(cgroup_name "many$i")" "$image" "many$i" \
      sh -c "echo $i; exit $i" >"$work/twenty/$i" &
    children[i]=$!
  done
  for i in {1..20}; do exits_with "$i" wait "${children[i]}"; done
  for i in {1..20}; do equal "$(cat "$work/twenty/$i")" "$i"; done
}
case_20_containers_of_a_group_at_once() {
  local i children=()
  for i in {1..20}; do
    ctr run --detach "${runtime_options[@]}" "${in_group[@]}" --cgroup "$(cgroup_name "many$i")" "$image" "many$i" \
      sleep 1000 &
    children[i]=$!
  done
  for i in {1..20}; do wait "${children[i]}"; done
  equal "$(for i in {1..20}; do shim_of "many$i"; done | sort -u | wc -l)" 1
}
case_20_execs_at_once() {
  local i children=()
  start box -- sleep 1000
  for i in {1..20}; do
    ctr task exec --exec-id "e$i" box sh -c "exit $i" &
    children[i]=$!
  done
  for i in {1..20}; do exits_with "$i" wait "${children[i]}"; done
}

# --- Many, 20 at a time.

many=${TSOCI_MANY:-20}

# Writes the status of each to $work/statuses/NUMBER.
twenty_at_a_time() {  # COUNT COMMAND, in which NUMBER is the number, from 1 on
  rm -rf "$work/statuses"
  mkdir "$work/statuses"
  seq "$1" | xargs -P 20 -I 'NUMBER' sh -c "$2 >/dev/null 2>&1; echo \$? >$work/statuses/NUMBER"
}
a_container_each() {
  printf '%q ' ctr --address "$socket" run --rm "${runtime_options[@]}" --cgroup "$(cgroup_name 'manyNUMBER')" "$image"
  echo "'manyNUMBER' sh -c 'exit \$((NUMBER % 100))'"
}
a_process_each() {
  printf '%q ' ctr --address "$socket" task exec --exec-id 'eNUMBER' box sh -c 'exit $((NUMBER % 100))'
}
# A shim that was killed has no status to tell; ctr says 1 then, and containerd 137.
statuses_are_right() {  # COUNT [STATUS THAT MAY BE INSTEAD]...
  local count=$1 i found
  shift
  for ((i = 1; i <= count; i++)); do
    found=$(cat "$work/statuses/$i")
    [ "$found" = $((i % 100)) ] || [[ " $* " == *" $found "* ]] || equal "$i: $found" "$i: $((i % 100))"
  done
}
kill_every_shim_when() {  # HOW MANY statuses are there
  while [ "$(find "$work/statuses" -type f 2>/dev/null | wc -l)" -lt "$1" ]; do :; done
  pkill -KILL -f "/$runtime_name -namespace" || :
}
clear_many() {
  local id
  for id in $(ctr task list --quiet); do ctr task delete --force "$id" >/dev/null 2>&1 || :; done
  for id in $(ctr container list --quiet); do ctr container delete "$id" >/dev/null 2>&1 || :; done
}

case_many_containers() {
  twenty_at_a_time "$many" "$(a_container_each)"
  statuses_are_right "$many"
}
case_many_processes() {
  start box -- sleep 1000
  twenty_at_a_time $((10 * many)) "$(a_process_each)"
  statuses_are_right $((10 * many))
}
case_many_containers_and_their_shims_are_killed() {
  kill_every_shim_when $((many / 2)) &
  twenty_at_a_time "$many" "$(a_container_each)"
  wait
  statuses_are_right "$many" 1 137
  clear_many
  wait_until eval 'equal "$(left_beside_the_daemon)" ""'
}
case_many_processes_and_their_shim_is_killed() {
  start box -- sleep 1000
  kill_every_shim_when $((5 * many)) &
  twenty_at_a_time $((10 * many)) "$(a_process_each)"
  wait
  statuses_are_right $((10 * many)) 1 137
  clear_many
  wait_until eval 'equal "$(left_beside_the_daemon)" ""'
}
