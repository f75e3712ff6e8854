#!/bin/bash
# docker.sh RUNTIME [CASE]...: a dockerd of its own, and its containerd, with RUNTIME as default runtime.
#
# CASE is a part of a case's name. Prints `ok` or `not ok` for each, and last 'N passed, M failed, K skipped'.
#   KEEP=1  keeps the run's files
. "$(dirname "$0")/lib.sh"

packages=(docker.io containerd iptables curl criu)
image=docker.io/library/busybox:test
fixed_parents=(docker)
docker=()

docker() { timeout --kill-after 5 90 "${docker[@]}" "$@"; }

run() { docker run --rm --network none "$@"; }  # [OPTION]... IMAGE COMMAND...
start() { docker run --detach --network none --name "$@"; }  # NAME [OPTION]... IMAGE COMMAND...
inspect() { docker inspect --format "$2" "$1"; }  # NAME TEMPLATE
pid_of() { inspect "$1" '{{.State.Pid}}'; }
is() { equal "$(inspect "$1" '{{.State.Status}}')" "$2"; }
ended_with() { equal "$(inspect "$1" '{{.State.Status}} {{.State.ExitCode}}')" "exited $2"; }

start_daemon() {
  PATH=$work/bin:$PATH setsid dockerd --config-file "$work/daemon.json" --data-root "$work/data" \
    --exec-root "$work/exec" --pidfile "$work/pid" --host "unix://$work/docker.sock" --storage-driver overlay2 \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$cgroup_parent" --live-restore --experimental \
    >>"$work/dockerd.log" 2>&1 &
  wait_until docker version || { tail -n 5 "$work/dockerd.log"; return 1; }
}

stop_daemon() {
  local pid
  pid=$(cat "$work/pid")
  kill "$pid"
  wait_until fails kill -0 "$pid"
}

start_client() {
  export DOCKER_CONFIG=$work/config
  docker=(/usr/bin/docker --host "unix://$work/docker.sock")
  state_roots=("$work/exec/runtime-under-test/moby" "$work/exec/runtime-runc/moby")
  # Docker keeps the name "runc" to itself.
  snippet daemon.json under-test >"$work/daemon.json"
  # The BuildKit in dockerd asks no configuration, but looks for "runc" in PATH.
  mkdir "$work/bin" "$work/empty"
  ln -s "$runtime" "$work/bin/runc"
  start_daemon && docker load --quiet --input "$work/image.tar" &&
    contains "$(docker info 2>&1)" 'Default Runtime: under-test'
}

stop_client() {
  stop_daemon
  # With --live-restore it leaves its containerd to the next dockerd.
  kill "$(cat "$work/exec/containerd/containerd.pid")"
  umount "$work/exec/netns/default" "$work/data"
  # BuildKit's parent of its cgroups stays, with some runtimes.
  remove_parents buildkit
}

clear_client() {
  docker ps --all --quiet | xargs --no-run-if-empty "${docker[@]}" rm --force --volumes
}

# --- What a program gets.

case_run_prints_what_the_program_prints() { equal "$(run "$image" echo hello)" hello; }
case_run_ends_with_the_status_of_the_program() { exits_with 7 run "$image" sh -c 'exit 7'; }
case_a_missing_program_is_127() { exits_with 127 run "$image" /no/such; }
case_a_program_that_is_no_program_is_126() { exits_with 126 run "$image" /etc/passwd; }
case_stdin_is_a_pipe() { equal "$(echo word | run --interactive "$image" cat)" word; }
case_tty() {
  local found
  found=$(exits_with 3 in_terminal "${docker[@]}" run --rm --network none --interactive --tty "$image" \
    sh -c "$when_size_is_set; tty; stty size; exit 3")
  contains "$found" /dev/pts/0
  contains "$found" '33 111'
}
case_user_and_groups() {
  local found
  found=$(run --user test --group-add 3000 "$image" id)
  contains "$found" 'uid=1000(test)'
  contains "$found" 3000
}
case_sysctl_ulimit_and_shm() {
  local found
  found=$(run --sysctl net.ipv4.ip_forward=1 --ulimit nofile=100:200 --shm-size 2m "$image" \
    sh -c 'cat /proc/sys/net/ipv4/ip_forward; ulimit -Sn; grep " /dev/shm " /proc/mounts')
  contains "$(tr '\n' ' ' <<<"$found")" '1 100 '
  contains "$found" size=2048k
}

# --- Namespaces, mounts, rights.

case_bridge_network() { contains "$(docker run --rm "$image" ip -4 addr show eth0)" 'scope global'; }
case_published_port() {
  docker run --detach --name web --publish 127.0.0.1:8081:8080 "$image" \
    sh -c 'echo page >/index.html; exec httpd -f -p 8080 -h /'
  wait_until eval 'equal "$(curl --silent http://127.0.0.1:8081/)" page'
}
case_namespaces_of_the_host() {
  equal "$(docker run --rm --network host --uts host --pid host "$image" sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/pid; hostname')" \
    "$(readlink /proc/self/ns/net /proc/self/ns/pid; hostname)"
}
case_namespaces_of_another_container() {
  docker run --detach --name first "$image" sleep 1000
  contains "$(docker run --rm --pid container:first --network container:first "$image" ps)" 'sleep 1000'
}
case_read_only_rootfs_and_tmpfs() {
  local found
  found=$(run --read-only --tmpfs /t:size=1m "$image" sh -c 'touch /t/x && echo written; touch /x' 2>&1 || :)
  contains "$found" written
  contains "$found" 'Read-only file system'
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
case_init_of_docker() { contains "$(run --init "$image" ps)" docker-init; }
case_capabilities() {
  contains "$(run --cap-drop all --cap-add chown "$image" grep CapEff /proc/self/status)" 0000000000000001
}
case_privileged() {
  # Docker asks for all that the kernel knows.
  setpriv --dump | grep -q 'Capability bounding set:.*sys_resource' || cannot 'this root has no CAP_SYS_RESOURCE'
  equal "$(run --privileged "$image" sh -c 'mount -t tmpfs x /mnt && echo mounted')" mounted
}
case_no_new_privileges() {
  contains "$(run --security-opt no-new-privileges "$image" grep NoNewPrivs /proc/self/status)" 1
}
case_seccomp() { contains "$(run "$image" grep ^Seccomp: /proc/self/status)" 2; }
case_seccomp_profile_of_a_file() {
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":
    [{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":30}]}' >"$work/seccomp.json"
  contains "$(run --security-opt "seccomp=$work/seccomp.json" "$image" mkdir /x 2>&1 || :)" 'Read-only file system'
}
case_devices() {
  contains "$(run --device /dev/fuse "$image" ls -l /dev/fuse)" '10, 229'
  contains "$(run "$image" sh -c 'mknod /tmp/x b 254 0; cat /tmp/x' 2>&1 || :)" 'not permitted'
}

# --- Limits.

case_memory_limit() {
  start box --memory 64m "$image" sleep 1000
  equal "$(cgroup_value "$(pid_of box)" memory memory.limit_in_bytes memory.max)" 67108864
}
case_cpu_and_pids_limit() {
  start box --cpus 0.5 --cpuset-cpus 0 --pids-limit 7 "$image" sleep 1000
  contains "$(cgroup_value "$(pid_of box)" cpu cpu.cfs_quota_us cpu.max)" 50000
  equal "$(cgroup_value "$(pid_of box)" pids pids.max pids.max)" 7
  contains "$(docker exec box grep Cpus_allowed_list /proc/self/status)" $'\t0'
}
case_too_much_memory_kills() {
  start box --memory 20m "$image" sh -c 'a=x; while :; do a=$a$a; done'
  equal "$(docker wait box)" 137
  wait_until eval 'equal "$(inspect box "{{.State.OOMKilled}}")" true'
}
case_update_of_limits() {
  start box --memory 64m "$image" sleep 1000
  docker update --memory 96m --memory-swap 192m --pids-limit 50 box
  equal "$(cgroup_value "$(pid_of box)" memory memory.limit_in_bytes memory.max)" 100663296
  equal "$(cgroup_value "$(pid_of box)" pids pids.max pids.max)" 50
}
case_stats() {
  start box "$image" sleep 1000
  contains "$(docker stats --no-stream --format '{{.MemUsage}}' box)" iB
}

# --- exec.

case_exec() {
  start box "$image" sleep 1000
  equal "$(docker exec box echo hello)" hello
  exits_with 9 docker exec box sh -c 'exit 9'
  equal "$(echo word | docker exec --interactive box cat)" word
}
case_exec_user_environment_and_directory() {
  start box "$image" sleep 1000
  equal "$(docker exec --env A=b --workdir /tmp --user 1000:2000 box sh -c 'echo $A $PWD $(id -u) $(id -g)')" 'b /tmp 1000 2000'
}
case_exec_tty() {
  local found
  start box "$image" sleep 1000
  found=$(in_terminal "${docker[@]}" exec --interactive --tty box sh -c "$when_size_is_set; tty; stty size")
  contains "$found" /dev/pts/
  contains "$found" '33 111'
}
case_exec_of_what_is_no_program() {
  start box "$image" sleep 1000
  # 127 or 126, which depends on the words that the version of docker looks for in the error.
  fails docker exec box /no/such
  exits_with 126 docker exec box /etc/passwd
}
case_exec_detached() {
  start box "$image" sleep 1000
  docker exec --detach box sleep 77
  wait_until eval 'contains "$(docker exec box ps)" "sleep 77"'
}
case_exec_privileged() {
  setpriv --dump | grep -q 'Capability bounding set:.*sys_resource' || cannot 'this root has no CAP_SYS_RESOURCE'
  start box "$image" sleep 1000
  docker exec --privileged box mount -t tmpfs x /mnt
}

# --- The life of a container.

case_detached_it_runs() {
  start box "$image" sleep 1000
  is box running
  contains "$(docker top box)" 'sleep 1000'
}
case_pause_and_unpause() {
  start box "$image" sleep 1000
  docker pause box
  is box paused
  docker unpause box
  is box running
  docker exec box true
}
case_stop_sends_term() {
  start box "$image" sh -c 'trap "exit 5" TERM; echo ready; while :; do :; done'
  wait_until eval 'contains "$(docker logs box)" ready'
  docker stop --time 30 box
  ended_with box 5
}
case_stop_kills_in_the_end() {
  start box "$image" sleep 1000
  docker stop --time 1 box
  ended_with box 137
}
case_restart() {
  start box "$image" sleep 1000
  docker stop --time 0 box
  docker start box
  is box running
  docker restart --time 0 box
  is box running
}
case_restart_policy() {
  start box --restart on-failure:2 "$image" false
  wait_until eval 'equal "$(inspect box "{{.RestartCount}} {{.State.Status}}")" "2 exited"'
}
case_killed_from_outside() {
  start box "$image" sleep 1000
  kill -KILL "$(pid_of box)"
  wait_until ended_with box 137
}
case_logs_of_both_streams() {
  start box "$image" sh -c 'echo out; echo err >&2'
  docker wait box
  equal "$(docker logs box 2>/dev/null)" out
  equal "$(docker logs box 2>&1 >/dev/null)" err
}
case_attach() {
  start box --interactive "$image" sh -c 'read line; echo "got $line"'
  echo word | docker attach box
  wait_until eval 'contains "$(docker logs box)" "got word"'
}
case_copy() {
  echo data >"$work/note"
  start box "$image" sleep 1000
  docker cp "$work/note" box:/tmp/data
  equal "$(docker exec box cat /tmp/data)" data
}
case_health_check() {
  start box --health-cmd 'test -f /ok' --health-interval 300ms --health-retries 1 "$image" sleep 1000
  wait_until eval 'equal "$(inspect box "{{.State.Health.Status}}")" unhealthy'
  docker exec box touch /ok
  wait_until eval 'equal "$(inspect box "{{.State.Health.Status}}")" healthy'
}
case_containers_outlive_the_daemon() {
  start box "$image" sleep 1000
  stop_daemon
  start_daemon
  is box running
  docker exec box true
}
case_build() {
  printf 'FROM %s\nRUN echo built >/built\nCMD cat /built\n' "$image" >"$work/Dockerfile"
  DOCKER_BUILDKIT=0 docker build --quiet --network none --tag built --file "$work/Dockerfile" "$work/empty"
  equal "$(run built)" built
}
case_build_by_buildkit() {
  docker buildx version >/dev/null || [ "$(docker version --format '{{.Client.Version}}' | cut -d . -f 1)" -lt 23 ] ||
    cannot 'the command has no buildx'
  printf 'FROM %s\nRUN echo kit >/built\nCMD cat /built\n' "$image" >"$work/Dockerfile"
  DOCKER_BUILDKIT=1 docker build --quiet --network none --tag kit --file "$work/Dockerfile" "$work/empty"
  equal "$(run kit)" kit
}
case_eight_at_once() {
  start_eight
  equal "$(docker ps --quiet | wc -l)" 8
}
case_checkpoint_and_restore() {
  criu_works || cannot 'criu check fails on this machine'
  local count
  start box --security-opt seccomp=unconfined "$image" sh -c "$counting"
  wait_until eval 'above "$(docker exec box cat /tmp/count)" 5'
  docker checkpoint create box saved
  is box exited
  docker start --checkpoint saved box
  count=$(docker exec box cat /tmp/count)
  wait_until eval 'above "$(docker exec box cat /tmp/count)" '"$count"
}

run_client "$@"
