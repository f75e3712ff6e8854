# shellcheck shell=bash disable=SC2154,SC2086  # variables of lib.sh and containerd.sh, and words on purpose
# containerd-shim-streams.sh: cases of containerd.sh about what a shim does with the streams of processes.

# 100 MB, of which a sum tells what is lost and what comes twice.
hundred_mb='seq 1000000000 1009532508'
sum_of() { busybox $1 | md5sum; }  # COMMAND

# A mount in which a program tells that it is there.
with_marks() {
  rm -rf "$work/marks"
  mkdir "$work/marks"
  marks=(--mount "type=bind,src=$work/marks,dst=/marks,options=rbind:rw")
}

case_100_mb_and_an_exit_at_once() {
  equal "$(run -- $hundred_mb | md5sum)" "$(sum_of "$hundred_mb")"
}
case_100_mb_of_an_exec() {
  start box -- sleep 1000
  equal "$(execute box $hundred_mb | md5sum)" "$(sum_of "$hundred_mb")"
}
case_100_mb_to_a_file() {
  start box --log-uri "file://$work/hundred" -- $hundred_mb
  wait_until is box STOPPED
  wait_until eval 'equal "$(md5sum <"$work/hundred")" "$(sum_of "$hundred_mb")"'
}
case_10_mb_of_a_terminal() {
  local ten_mb='seq 1000000 1999999'
  # Of the rest `script` makes an end of file, which the terminal shows.
  equal "$(in_terminal "$ctr" --address "$socket" run --rm --tty "${runtime_options[@]}" \
    --cgroup "$(cgroup_name once)" "$image" once $ten_mb | tr -cd '0-9\n' | md5sum)" "$(sum_of "$ten_mb")"
}
case_both_streams_at_once() {
  local found
  found=$(run -- sh -c "$hundred_mb >&2 & $hundred_mb; wait" 2> >(md5sum >"$work/stderr") | md5sum)
  equal "$found" "$(sum_of "$hundred_mb")"
  wait_until eval 'equal "$(cat "$work/stderr")" "$(sum_of "$hundred_mb")"'
}
case_10_mib_of_input() {
  equal "$(head -c 10485760 /dev/zero | run -- wc -c)" 10485760
}
case_10_mib_of_input_of_an_exec() {
  start box -- sleep 1000
  equal "$(head -c 10485760 /dev/zero | execute box wc -c)" 10485760
}
case_the_end_of_input_is_told() {
  with_marks
  # ctr does not tell of an end that comes before it has created the task.
  equal "$({ wait_until test -e "$work/marks/ready"; echo word; } |
    run "${marks[@]}" -- sh -c 'touch /marks/ready; cat; echo end' | tr '\n' ' ')" 'word end '
}
case_a_program_need_not_read_its_input() {
  head -c 1048576 /dev/zero | exits_with 4 run -- sh -c 'exit 4'
}
case_nobody_reads_and_the_program_ends() {
  # A pipe holds less than this: without a reader the program would wait for ever.
  start box --null-io -- dd if=/dev/zero bs=1M count=8
  wait_until is box STOPPED
  deleted_with 0 box
}

# --- Terminals.

# A terminal that gets another size once a program in a container has made $work/marks/ready.
resized_later() {  # COMMAND...
  timeout --kill-after 5 $((60 * patience)) script --quiet --return --command "stty rows 33 cols 111
    { until [ -e '$work/marks/ready' ]; do sleep 0.05; done; stty -F /dev/tty rows 44 cols 122; } &
    exec $(printf '%q ' "$@")" /dev/null
}
until_resized="$when_size_is_set; touch /marks/ready; until [ \"\$(stty size)\" = '44 122' ]; do :; done; exit 6"

case_a_terminal_changes_its_size() {
  with_marks
  exits_with 6 resized_later "$ctr" --address "$socket" run --rm --tty "${runtime_options[@]}" "${marks[@]}" \
    --cgroup "$(cgroup_name once)" "$image" once sh -c "$until_resized"
}
case_a_terminal_of_an_exec_changes_its_size() {
  with_marks
  start box "${marks[@]}" -- sleep 1000
  exits_with 6 resized_later "$ctr" --address "$socket" task exec --tty --exec-id tty box sh -c "$until_resized"
}

# --- Logs.

case_log_file_of_both_streams() {
  start box --log-uri "file://$work/both" -- sh -c 'echo out; echo err >&2'
  wait_until is box STOPPED
  wait_until eval 'equal "$(sort "$work/both" | tr "\n" " ")" "err out "'
}
case_log_file_of_an_exec() {
  start box -- sleep 1000
  ctr task exec --detach --exec-id logs --log-uri "file://$work/exec" box echo logged
  wait_until grep -qx logged "$work/exec"
}
case_log_file_is_appended_to() {
  echo before >"$work/appended"
  start box --log-uri "file://$work/appended" -- echo after
  wait_until eval 'equal "$(tr "\n" " " <"$work/appended")" "before after "'
}

make_logger() {
  cat >"$work/logger" <<'LOGGER'
#!/bin/bash
# The shim for runc sends TERM with the end of the streams.
trap '' TERM
cd "$(dirname "$0")"
echo "$CONTAINER_NAMESPACE $CONTAINER_ID $*" >logger.called
exec 5>&-
cat <&3 >logger.out &
cat <&4 >logger.err &
wait
echo >logger.ended
LOGGER
  chmod 755 "$work/logger"
  rm -f "$work"/logger.*
}
case_logger_gets_both_streams() {
  make_logger
  start box --log-uri "binary://$work/logger?key=value" -- sh -c 'echo out; echo err >&2'
  wait_until is box STOPPED
  deleted_with 0 box
  wait_until test -e "$work/logger.ended"
  equal "$(cat "$work/logger.called")" 'default box key value'
  equal "$(cat "$work/logger.out" "$work/logger.err" | tr '\n' ' ')" 'out err '
}
case_logger_gets_100_mb() {
  make_logger
  start box --log-uri "binary://$work/logger" -- $hundred_mb
  wait_until is box STOPPED
  deleted_with 0 box
  wait_until test -e "$work/logger.ended"
  equal "$(md5sum <"$work/logger.out")" "$(sum_of "$hundred_mb")"
}
case_a_missing_logger_is_named() {
  contains "$(fails start box --log-uri "binary://$work/no-logger" -- true 2>&1)" no-logger
  nothing_is_left_of box
}
case_a_logger_that_ends_early() {
  printf '#!/bin/sh\nexit 0\n' >"$work/logger"
  chmod 755 "$work/logger"
  start box --log-uri "binary://$work/logger" -- sleep 1000
  is box RUNNING
  execute box true
}
