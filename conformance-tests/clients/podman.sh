#!/bin/bash
# podman.sh RUNTIME [CASE]...: podman and its conmon with RUNTIME, as root and as an ordinary user.
#
# CASE is a part of a case's name. Prints `ok` or `not ok` for each, and last 'N passed, M failed, K skipped'.
#   KEEP=1  keeps the run's files
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/podman-users.sh"

packages=(podman conmon crun netavark catatonit slirp4netns fuse-overlayfs uidmap iptables curl jq criu)
variants=(root rootless)
[ -z "${TIMES-}" ] || variants=(root)
fixed_parents=(libpod_parent)
user_id=54321 user_runtime=
as_user=() podman=() placed=()

podman() { (cd / && timeout --kill-after 5 $((90 * patience)) "${podman[@]}" "$@"); }

run() { podman run --rm --network none "${placed[@]}" "$@"; }  # [OPTION]... IMAGE COMMAND...
run_true() { run "$image" true; }
start() { podman run --detach --network none "${placed[@]}" --name "$@"; }  # NAME [OPTION]... IMAGE COMMAND...
inspect() { podman inspect --format "$2" "$1"; }  # NAME TEMPLATE
pid_of() { inspect "$1" '{{.State.Pid}}'; }
is() { equal "$(inspect "$1" '{{.State.Status}}')" "$2"; }
ended_with() { equal "$(inspect "$1" '{{.State.Status}} {{.State.ExitCode}}')" "exited $2"; }

needs_root() { [ "$variant" = root ] || cannot 'is only for root'; }
needs_cgroups() {
  [ "$variant" = root ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || cannot 'podman gives an ordinary user no cgroup on v1'
}

lower() { if [ "$1" != unlimited ] && [ "$1" -lt "$2" ]; then echo "$1"; else echo "$2"; fi; }  # LIMIT NUMBER

start_client() {
  local home=$work files processes
  if [ "$variant" = rootless ]; then
    home=$work/home
    placed=()
    if by_systemd; then take_user; else make_user; fi
  else
    placed=("--cgroup-parent=$cgroup_parent")
    state_roots=("/run/$runtime_name")
  fi
  ! by_systemd || placed=("--cgroup-parent=$cgroup_parent")
  files=$(lower "$(ulimit -Hn)" 1048576)
  processes=$(lower "$(ulimit -Hu)" 32768)
  {
    snippet containers.conf
    # More than the caller's limits takes CAP_SYS_RESOURCE, which not every root has.
    printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\nlog_driver = "k8s-file"\n' \
      "$files" "$files" "$processes" "$processes"
  } >"$work/containers.conf"
  podman=("${as_user[@]}" env "CONTAINERS_CONF=$work/containers.conf" PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman
    --root "$home/storage" --runroot "$home/runroot" --tmpdir "$home/tmpdir" --cgroup-manager "$cgroup_driver"
    --events-backend file --network-backend netavark --network-config-dir "$home/networks")
  podman load --quiet --input "$work/image.tar" &&
    contains "$(podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}')" "$runtime_name $runtime"
}

stop_client() {
  local file
  # What keeps the user namespace of an ordinary user.
  find "$work/home" $user_runtime -name pause.pid | while read -r file; do kill "$(cat "$file")"; done
  [ "$variant" = root ] || by_systemd || umount /etc/passwd /etc/group /etc/subuid /etc/subgid /dev/net/tun
  umount /run/netns "$work/storage/overlay"
  remove_parents conmon
  # Of what podman takes no --cgroup-parent for.
  remove_fixed_parents
}

clear_client() {
  podman pod rm --force --all --time 0
  podman rm --force --all --time 0
  podman volume rm --force --all
}

# --- What a program gets.

case_run_prints_what_the_program_prints() { equal "$(run "$image" echo hello)" hello; }
case_run_ends_with_the_status_of_the_program() { exits_with 7 run "$image" sh -c 'exit 7'; }
case_a_missing_program_is_127() {
  local found
  found=$(exits_with 127 run "$image" /no/such 2>&1)
  contains "${found,,}" 'no such file or directory'
}
case_a_program_that_is_no_program_is_126() {
  local found
  found=$(exits_with 126 run "$image" /etc/passwd 2>&1)
  contains "${found,,}" 'permission denied'
}
case_stdin_is_a_pipe() { equal "$(echo word | run --interactive "$image" cat)" word; }
case_4_mib_of_output_arrive() { equal "$(run "$image" dd if=/dev/zero bs=1M count=4 2>/dev/null | wc -c)" 4194304; }
case_tty() {
  local found
  found=$(exits_with 3 in_terminal "${podman[@]}" run --rm --network none "${placed[@]}" --interactive --tty "$image" \
    sh -c "$when_size_is_set; tty; stty size; exit 3")
  contains "$found" /dev/pts/0
  contains "$found" '33 111'
}
case_environment_directory_and_hostname() {
  equal "$(run --env A=b --workdir /tmp --hostname box "$image" sh -c 'echo $A $PWD $(hostname)')" 'b /tmp box'
}
case_user_and_groups() {
  local found
  found=$(run --user test --group-add 3000 "$image" id)
  contains "$found" 'uid=1000(test)'
  contains "$found" 3000
}
case_descriptors_are_handed_over() {
  echo data >"$work/data"
  equal "$(exec 3<"$work/data"; run --preserve-fds 1 "$image" sh -c 'cat <&3')" data
}
case_ulimits() {
  equal "$(run --ulimit nofile=100:200 --ulimit nproc=1000:1000 "$image" sh -c 'ulimit -Sn; ulimit -Hn' | tr '\n' ' ')" '100 200 '
}
case_oom_score() { equal "$(run --oom-score-adj 500 "$image" cat /proc/self/oom_score_adj)" 500; }

# --- Namespaces, mounts, rights.

case_default_network() { contains "$(podman run --rm "${placed[@]}" "$image" ip -4 addr)" 'scope global'; }
case_host_network() {
  equal "$(podman run --rm "${placed[@]}" --network host "$image" readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
}
case_published_port() {
  needs_root
  podman run --detach "${placed[@]}" --name web --publish 127.0.0.1:8081:8080 "$image" \
    sh -c 'echo page >/index.html; exec httpd -f -p 8080 -h /'
  wait_until eval 'equal "$(curl --silent http://127.0.0.1:8081/)" page'
}
case_namespaces_of_another_container() {
  start first "$image" sleep 1000
  contains "$(podman run --rm "${placed[@]}" --pid container:first --network container:first "$image" ps)" 'sleep 1000'
}
case_host_pid_and_uts() {
  local found
  found=$(run --pid host --uts host "$image" sh -c 'hostname; readlink /proc/self/ns/pid')
  equal "$found" "$(hostname)"$'\n'"$(readlink /proc/self/ns/pid)"
}
case_pod() {
  local id
  id=$(podman pod create --name pod --share net,ipc,uts "${placed[@]}")
  podman run --detach --pod pod "$image" sh -c 'echo inpod >/index.html; exec httpd -f -p 8080 -h /'
  wait_until eval 'equal "$(podman run --rm --pod pod "$image" wget -q -O - http://127.0.0.1:8080/)" inpod'
  podman pod rm --force --time 0 pod
  # On v1 podman forgets the pod's cgroups in the hierarchies without a controller.
  remove_parents "$id"
}
case_user_namespace() {
  needs_root
  contains "$(run --uidmap 0:100000:65536 "$image" cat /proc/self/uid_map | tr -s ' ')" '0 100000 65536'
}
case_read_only_rootfs() {
  local found
  found=$(run --read-only "$image" sh -c 'touch /tmp/x && echo written; touch /x' 2>&1 || :)
  contains "$found" written
  contains "$found" 'Read-only file system'
}
case_rootfs_of_a_directory() {
  busybox_root "$work/rootfs"
  [ "$variant" = root ] || chown -R "$user_id" "$work/rootfs"
  equal "$(run --rootfs "$work/rootfs" /bin/echo found)" found
}
case_volumes() {
  local found
  mkdir -p "$work/volume"
  echo data >"$work/volume/file"
  found=$(run --volume "$work/volume:/v:ro" --volume named:/n "$image" sh -c 'cat /v/file; touch /n/x && echo named; touch /v/x' 2>&1 || :)
  contains "$found" data
  contains "$found" named
  contains "$found" 'Read-only file system'
}
case_tmpfs_and_shm_of_a_size() {
  contains "$(run --tmpfs /t:size=1m "$image" grep ' /t ' /proc/mounts)" size=1024k
  contains "$(run --shm-size 2m "$image" grep ' /dev/shm ' /proc/mounts)" size=2048k
}
case_masked_path() { lacks "$(run --security-opt mask=/etc/passwd "$image" cat /etc/passwd 2>&1 || :)" root:; }
case_sysctl() { equal "$(run --sysctl net.ipv4.ip_forward=1 "$image" cat /proc/sys/net/ipv4/ip_forward)" 1; }
case_init_of_podman() { contains "$(run --init "$image" ps)" init; }
case_capabilities() {
  contains "$(run --cap-drop all "$image" grep CapEff /proc/self/status)" 0000000000000000
  equal "$(run --cap-add sys_admin "$image" sh -c 'mount -t tmpfs x /mnt && echo mounted')" mounted
}
case_privileged() { equal "$(run --privileged "$image" sh -c 'mount -t tmpfs x /mnt && echo mounted')" mounted; }
case_no_new_privileges() {
  contains "$(run --security-opt no-new-privileges "$image" grep NoNewPrivs /proc/self/status)" 1
}
case_seccomp() {
  contains "$(run "$image" grep ^Seccomp: /proc/self/status)" 2
  contains "$(run --security-opt seccomp=unconfined "$image" grep ^Seccomp: /proc/self/status)" 0
}
case_seccomp_profile_of_a_file() {
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":
    [{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":30}]}' >"$work/seccomp.json"
  contains "$(run --security-opt "seccomp=$work/seccomp.json" "$image" mkdir /x 2>&1 || :)" 'Read-only file system'
}
case_devices() {
  needs_root
  contains "$(run --device /dev/fuse "$image" ls -l /dev/fuse)" '10, 229'
  contains "$(run --cap-add mknod "$image" sh -c 'mknod /tmp/x b 254 0; cat /tmp/x' 2>&1 || :)" 'not permitted'
}

# --- Limits.

case_memory_limit() {
  needs_cgroups
  start box --memory 64m "$image" sleep 1000
  equal "$(cgroup_value "$(pid_of box)" memory memory.limit_in_bytes memory.max)" 67108864
}
case_cpu_and_pids_limit() {
  needs_cgroups
  start box --cpus 0.5 --pids-limit 7 "$image" sleep 1000
  contains "$(cgroup_value "$(pid_of box)" cpu cpu.cfs_quota_us cpu.max)" 50000
  equal "$(cgroup_value "$(pid_of box)" pids pids.max pids.max)" 7
}
case_too_much_memory_kills() {
  needs_cgroups
  exits_with 137 run --memory 20m "$image" sh -c 'a=x; while :; do a=$a$a; done'
}
case_without_a_cgroup() {
  [ "$runtime_name" != runc ] || cannot 'podman lets no runc do it'
  equal "$(podman run --rm --network none --cgroups disabled "$image" echo found)" found
}
case_update_of_limits() {
  needs_cgroups
  start box "$image" sleep 1000
  podman update --memory 96m box
  equal "$(cgroup_value "$(pid_of box)" memory memory.limit_in_bytes memory.max)" 100663296
}

# --- exec.

case_exec() {
  start box "$image" sleep 1000
  equal "$(podman exec box echo hello)" hello
  exits_with 9 podman exec box sh -c 'exit 9'
  equal "$(echo word | podman exec --interactive box cat)" word
}
case_exec_user_environment_and_directory() {
  start box "$image" sleep 1000
  equal "$(podman exec --env A=b --workdir /tmp --user 1000:2000 box sh -c 'echo $A $PWD $(id -u) $(id -g)')" 'b /tmp 1000 2000'
}
case_exec_tty() {
  local found
  start box "$image" sleep 1000
  found=$(in_terminal "${podman[@]}" exec --interactive --tty box sh -c "$when_size_is_set; tty; stty size")
  contains "$found" /dev/pts/
  contains "$found" '33 111'
}
case_exec_of_what_is_no_program() {
  start box "$image" sleep 1000
  exits_with 127 podman exec box /no/such
  exits_with 126 podman exec box /etc/passwd
}
case_exec_detached() {
  start box "$image" sleep 1000
  podman exec --detach box sleep 77
  wait_until eval 'contains "$(podman exec box ps)" "sleep 77"'
}

# --- The life of a container.

case_detached_it_runs() {
  start box "$image" sleep 1000
  is box running
  kill -0 "$(pid_of box)"
  contains "$(podman top box)" sleep
}
case_pause_and_unpause() {
  needs_cgroups
  start box "$image" sleep 1000
  podman pause box
  is box paused
  podman unpause box
  is box running
}
case_stop_sends_term() {
  start box "$image" sh -c 'trap "exit 5" TERM; echo ready; while :; do :; done'
  wait_until eval 'contains "$(podman logs box)" ready'
  podman stop --time 30 box
  ended_with box 5
}
case_stop_kills_in_the_end() {
  start box "$image" sleep 1000
  podman stop --time 1 box
  ended_with box 137
}
case_restart() {
  local before
  start box "$image" sleep 1000
  before=$(pid_of box)
  podman restart --time 0 box
  is box running
  fails equal "$(pid_of box)" "$before"
}
case_killed_from_outside() {
  start box "$image" sleep 1000
  kill -KILL "$(pid_of box)"
  wait_until ended_with box 137
}
case_wait_and_logs() {
  start box "$image" sh -c 'echo out; echo err >&2; exit 6'
  equal "$(podman wait box)" 6
  equal "$(podman logs box 2>/dev/null)" out
  equal "$(podman logs box 2>&1 >/dev/null)" err
}
case_attach() {
  start box --interactive "$image" sh -c 'read line; echo "got $line"'
  echo word | podman attach box
  wait_until eval 'contains "$(podman logs box)" "got word"'
}
case_created_then_started() {
  podman create --name box --network none "${placed[@]}" "$image" sh -c 'echo started; exit 2'
  equal "$(exits_with 2 podman start --attach box)" started
}
case_copy() {
  echo data >"$work/data"
  start box "$image" sleep 1000
  podman cp "$work/data" box:/tmp/data
  equal "$(podman exec box cat /tmp/data)" data
}
case_health_check() {
  start box --health-cmd 'test -f /ok' --health-interval disable "$image" sleep 1000
  exits_with 1 podman healthcheck run box
  podman exec box touch /ok
  podman healthcheck run box
}
case_hooks() {
  needs_root
  local stage
  mkdir -p "$work/hooks"
  for stage in prestart createRuntime poststop; do
    printf '#!/bin/sh\ncat >%s\n' "$work/hooks/$stage.state" >"$work/hooks/$stage.sh"
    chmod 755 "$work/hooks/$stage.sh"
    jq --null-input "{version: \"1.0.0\", hook: {path: \"$work/hooks/$stage.sh\"}, when: {always: true}, stages: [\"$stage\"]}" \
      >"$work/hooks/$stage.json"
  done
  podman --hooks-dir "$work/hooks" run --rm --network none "${placed[@]}" "$image" true
  for stage in prestart createRuntime poststop; do
    wait_until test -s "$work/hooks/$stage.state"
    contains "$(cat "$work/hooks/$stage.state")" ociVersion
  done
}
case_kube_play() {
  printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: kube}' 'spec:' '  containers:' '  - name: box' \
    "    image: $image" '    imagePullPolicy: Never' '    command: [sleep, "1000"]' >"$work/pod.yaml"
  needs_root
  podman play kube "$work/pod.yaml"
  is kube-box running
}
case_build() {
  printf 'FROM %s\nRUN echo built >/built\nCMD cat /built\n' "$image" >"$work/Containerfile"
  mkdir -p "$work/empty"
  podman build --quiet --network none --isolation oci "${placed[@]/%//build}" --tag built \
    --file "$work/Containerfile" "$work/empty"
  equal "$(run built)" built
}
case_eight_at_once() {
  start_eight
  equal "$(podman ps --quiet | wc -l)" 8
}
case_checkpoint_and_restore() {
  needs_root
  criu_works || cannot 'criu check fails on this machine'
  local count
  start box "$image" sh -c "$counting"
  wait_until eval 'above "$(podman exec box cat /tmp/count)" 5'
  podman container checkpoint box
  is box exited
  podman container restore box
  count=$(podman exec box cat /tmp/count)
  wait_until eval 'above "$(podman exec box cat /tmp/count)" '"$count"
}

run_client "$@"
