#!/bin/bash
# cri.sh RUNTIME [CASE]...: containerd's CRI, called as a kubelet does, with RUNTIME as a handler.
# cri.sh SHIM [CASE]...: the same, with pods of the shim SHIM, a containerd-shim-NAME-VERSION.
#
# CASE is a part of a case's name. Prints `ok` or `not ok` for each, and last 'N passed, M failed, K skipped'.
#   KEEP=1                  keeps the run's files
#   TSOCI_CONTAINERD=SUITE  is the containerd of another Debian release: trixie, sid
#
# Debian has no crictl. The calls are gRPC: a message that protoc writes, behind five bytes, sent by curl.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/containerd-daemon.sh"

packages=(containerd curl protobuf-compiler)
socket='' pod=''

# --- gRPC.

frame() {  # FILE: with the byte that says "not compressed" and the length
  local length
  length=$(stat -c %s "$1")
  printf '%b' '\0' "$(printf '\\x%02x' $((length >> 24 & 255)) $((length >> 16 & 255)) $((length >> 8 & 255)) $((length & 255)))"
  cat "$1"
}

# Reads the request as text from stdin, and prints the response as text. What the CRI says of a failure
# goes to stderr.
call() {  # METHOD REQUEST RESPONSE
  local at
  at=$(mktemp -d "$work/call.XXXXXX")
  protoc --proto_path "$clients" --encode="runtime.v1.$2" cri.proto >"$at/request"
  frame "$at/request" >"$at/sent"
  curl --silent --show-error --max-time 90 --http2-prior-knowledge --unix-socket "$socket" \
    --header 'content-type: application/grpc' --header 'te: trailers' --data-binary "@$at/sent" \
    --dump-header "$at/headers" --output "$at/received" "http://localhost/runtime.v1.RuntimeService/$1"
  if ! grep -q '^grpc-status: 0' "$at/headers"; then
    sed -n 's/^grpc-message: //p' "$at/headers" >&2
    return 1
  fi
  tail -c +6 "$at/received" | protoc --proto_path "$clients" --decode="runtime.v1.$3" cri.proto
}

# --- The calls of a kubelet.

field() { sed -n "s/^ *$1: \"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p"; }  # NAME

pod_config() {  # NAME [MORE]: of the pod's Linux part
  cat <<CONFIG
metadata { name: "$1" uid: "$1" namespace: "default" }
log_directory: "$work/logs"
linux { cgroup_parent: "$cgroup_parent" security_context { namespace_options { network: 2 ${2-pid: 1} } } }
CONFIG
}

run_pod() {  # NAME [MORE]: prints its id
  printf 'config { %s }\nruntime_handler: "%s"\n' "$(pod_config "$@")" "${handler-under-test}" |
    call RunPodSandbox RunPodSandboxRequest PodSandboxId | field pod_sandbox_id
}

create() {  # NAME MORE COMMAND...: prints the id of a container in $pod
  local name=$1 more=$2 word command=''
  shift 2
  for word in "$@"; do command+=" command: \"${word//\"/\\\"}\""; done
  call CreateContainer CreateContainerRequest ContainerId <<REQUEST | field container_id
pod_sandbox_id: "$pod"
config { metadata { name: "$name" } image { image: "$image" } log_path: "$name" $more $command }
sandbox_config { $(pod_config pod) }
REQUEST
}

of() { printf 'container_id: "%s"\n' "$1"; }  # ID
begin() { of "$1" | call StartContainer ContainerId Empty; }
status() { of "$1" | call ContainerStatus ContainerId ContainerStatusResponse; }
stop() { { of "$1"; echo "timeout: $2"; } | call StopContainer StopContainerRequest Empty; }  # ID SECONDS

start() {  # NAME MORE COMMAND...: prints the id of a container that runs
  local id
  id=$(create "$@")
  begin "$id"
  echo "$id"
}

# 0, which is "created" and an exit status of nothing, is what protobuf does not write.
is_running() { equal "$(status "$1" | field state)" 1; }
ended_with() {  # ID STATUS
  local found
  found=$(status "$1")
  equal "$(field state <<<"$found") $(field exit_code <<<"$found")" "2 ${2/#0/}"
}

execute() {  # ID COMMAND...
  local id=$1 word
  shift
  { of "$id"; printf 'timeout: 30\n'; for word in "$@"; do printf 'cmd: "%s"\n' "$word"; done; } |
    call ExecSync ExecSyncRequest ExecSyncResponse
}

logged() { cut -d ' ' -f 2- "$work/logs/$1"; }  # NAME
pid_of() { ctr --address "$socket" --namespace k8s.io task list | awk -v id="$1" '$1 == id { print $2 }'; }

# --- The daemon.

daemon_answers() { call Version Empty VersionResponse </dev/null; }

# The handler "under-test".
handler_config() {
  if in_shim_mode; then
    snippet containerd-shim.toml under-test | sed "s|io.containerd.under-test.v2|$shim_type|"
  else
    snippet containerd.toml under-test
  fi
}

start_client() {
  local pause=docker.io/library/pause:test
  socket=$work/containerd.sock
  find_shim k8s.io
  mkdir "$work/logs"
  {
    printf 'root = "%s"\nstate = "%s"\n' "$work/root" "$work/state"
    handler_config
    cat <<CONFIG
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  # Lower scores than the caller's take CAP_SYS_RESOURCE, which not every root has.
  restrict_oom_score_adj = true
  disable_apparmor = true
[grpc]
  address = "$socket"
[ttrpc]
  address = "$socket.ttrpc"
CONFIG
  } >"$work/config.toml"
  "$clients/image.sh" "$work/pause.tar" "$pause" sleep 1000000
  start_daemon || return
  for file in image pause; do ctr --address "$socket" --namespace k8s.io image import "$work/$file.tar"; done
  wait_until run_pod pod || return
  clear_client
}

stop_client() { stop_daemon; }

clear_client() {
  local id call
  for id in $(call ListPodSandbox Empty ListPodSandboxResponse </dev/null | field id); do
    for call in StopPodSandbox RemovePodSandbox; do
      printf 'pod_sandbox_id: "%s"\n' "$id" | call $call PodSandboxId Empty
    done
  done
}

# --- Pods.

case_a_pod_has_its_handler() {
  local found
  pod=$(run_pod pod)
  found=$(printf 'pod_sandbox_id: "%s"\n' "$pod" | call PodSandboxStatus PodSandboxId PodSandboxStatusResponse)
  contains "$found" 'runtime_handler: "under-test"'
  lacks "$found" 'state: 1'
}
case_an_unknown_handler_is_refused() {
  contains "$(handler=nobody fails run_pod pod 2>&1)" 'no runtime for'
}
case_a_container_shares_the_namespaces_of_its_pod() {
  local id kind
  pod=$(run_pod pod)
  id=$(start box '' sleep 1000)
  for kind in ipc uts net; do
    equal "$(readlink "/proc/$(pid_of "$id")/ns/$kind")" "$(readlink "/proc/$(pid_of "$pod")/ns/$kind")"
  done
}
case_five_pods_at_once() {
  local i children=()
  for i in {1..5}; do
    run_pod "many$i" >"$work/pod$i" &
    children+=($!)
  done
  for i in "${children[@]}"; do wait "$i"; done
  equal "$(cat "$work"/pod{1..5} | sort -u | wc -l)" 5
}

# --- Containers.

case_log_of_both_streams() {
  local id
  pod=$(run_pod pod)
  id=$(start box '' sh -c 'echo out; echo err >&2')
  wait_until ended_with "$id" 0
  equal "$(logged box | sort)" $'stderr F err\nstdout F out'
}
case_exit_status() {
  local id
  pod=$(run_pod pod)
  id=$(start box '' sh -c 'exit 7')
  wait_until ended_with "$id" 7
}
case_a_missing_program_is_named() {
  local id found
  pod=$(run_pod pod)
  id=$(create box '' /no/such)
  found=$(fails begin "$id" 2>&1)
  contains "${found,,}" 'no such file or directory'
}
case_environment_and_directory() {
  local id
  pod=$(run_pod pod)
  id=$(start box 'working_dir: "/tmp" envs { key: "A" value: "b" }' sh -c 'echo $A $PWD')
  wait_until ended_with "$id" 0
  contains "$(logged box)" 'b /tmp'
}
case_mount_and_rootfs_read_only() {
  local id
  mkdir -p "$work/volume"
  echo data >"$work/volume/file"
  pod=$(run_pod pod)
  id=$(start box "mounts { container_path: \"/v\" host_path: \"$work/volume\" readonly: true }
    linux { security_context { readonly_rootfs: true } }" sh -c 'cat /v/file; touch /v/x; touch /x')
  wait_until ended_with "$id" 1
  contains "$(logged box)" 'stdout F data'
  contains "$(logged box)" '/v/x: Read-only file system'
  contains "$(logged box)" 'touch: /x: Read-only file system'
}
case_no_new_privileges() {
  local id
  pod=$(run_pod pod)
  id=$(start box 'linux { security_context { no_new_privs: true } }' grep NoNewPrivs /proc/self/status)
  wait_until ended_with "$id" 0
  contains "$(logged box)" $'NoNewPrivs:\t1'
}
case_terminal() {
  local id
  pod=$(run_pod pod)
  id=$(start box 'tty: true' tty)
  wait_until ended_with "$id" 0
  contains "$(logged box)" /dev/pts/0
}
case_exec_sync() {
  local id found
  pod=$(run_pod pod)
  id=$(start box '' sleep 1000)
  found=$(execute "$id" sh -c 'echo out; echo err >&2; exit 9')
  contains "$found" 'stdout: "out\n"'
  contains "$found" 'stderr: "err\n"'
  contains "$found" 'exit_code: 9'
}
case_exec_of_a_missing_program() {
  local id found
  pod=$(run_pod pod)
  id=$(start box '' sleep 1000)
  found=$(fails execute "$id" /no/such 2>&1)
  contains "${found,,}" 'no such file or directory'
}
case_limits_and_their_update() {
  local id
  pod=$(run_pod pod)
  id=$(start box 'linux { resources { memory_limit_in_bytes: 67108864 cpu_quota: 50000 cpu_period: 100000 } }' sleep 1000)
  equal "$(cgroup_value "$(pid_of "$id")" memory memory.limit_in_bytes memory.max)" 67108864
  contains "$(cgroup_value "$(pid_of "$id")" cpu cpu.cfs_quota_us cpu.max)" 50000
  { of "$id"; echo 'linux { memory_limit_in_bytes: 100663296 }'; } |
    call UpdateContainerResources UpdateContainerResourcesRequest Empty
  equal "$(cgroup_value "$(pid_of "$id")" memory memory.limit_in_bytes memory.max)" 100663296
}
case_too_much_memory_is_told() {
  local id
  pod=$(run_pod pod)
  id=$(start box 'linux { resources { memory_limit_in_bytes: 20971520 } }' sh -c 'a=x; while :; do a=$a$a; done')
  wait_until ended_with "$id" 137
  contains "$(status "$id")" OOMKilled
}
case_stats() {
  local id
  pod=$(run_pod pod)
  id=$(start box '' sleep 1000)
  contains "$(of "$id" | call ContainerStats ContainerId ContainerStatsResponse)" working_set_bytes
}
case_stop_sends_term() {
  local id
  pod=$(run_pod pod)
  id=$(start box '' sh -c 'trap "exit 5" TERM; echo ready; while :; do :; done')
  wait_until eval 'contains "$(logged box)" ready'
  stop "$id" 30
  ended_with "$id" 5
}
case_stop_kills_in_the_end() {
  local id
  pod=$(run_pod pod)
  # In the pod's pid namespace it is no process 1, which TERM alone would not end.
  id=$(start box '' sh -c 'trap "" TERM; echo ready; while :; do :; done')
  wait_until eval 'contains "$(logged box)" ready'
  stop "$id" 1
  ended_with "$id" 137
}
case_pods_outlive_the_daemon() {
  local id
  pod=$(run_pod pod)
  id=$(start box '' sleep 1000)
  stop_daemon
  start_daemon
  is_running "$id"
  contains "$(execute "$id" echo hello)" hello
}

run_client "$@"
