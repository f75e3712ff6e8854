# shellcheck shell=bash disable=SC2154  # variables of lib.sh and the runner
# containerd-daemon.sh: the containerd of containerd.sh and cri.sh, which source this file after lib.sh.
#
# RUNTIME may be the program of a shim, containerd-shim-NAME-VERSION: then containerd starts that, and no runtime
# is named. The shim for runc finds its runc by PATH.
#   TSOCI_CONTAINERD=SUITE  is the containerd of another Debian release (trixie, sid), in build/containerd

if [ -z "${TSOCI_CLIENT_INSIDE-}" ]; then
  # The shim for runc finds there the CRIU that get-criu.sh makes where the machine's own does not work.
  PATH=$repository/build/criu:$PATH
  if [ -n "${TSOCI_CONTAINERD-}" ]; then
    other=$repository/build/containerd/$TSOCI_CONTAINERD
    "$clients/get-containerd.sh" "$TSOCI_CONTAINERD" "$other" >&2 || exit 2
    PATH=$other/bin:$PATH
    echo "# $(containerd --version)"
  fi
fi

in_shim_mode() { is_shim "$runtime"; }
is_of_runc() { [ "$shim_type" = io.containerd.runc.v2 ]; }

# Sets shim_type, the name that containerd finds the shim by, and the directories of what it may leave.
find_shim() {  # NAMESPACE
  local name
  shim_type=io.containerd.runc.v2
  if in_shim_mode; then
    name=${runtime##*/containerd-shim-}
    shim_type=io.containerd.${name%-*}.${name##*-}
    name=${name%-*}
  fi
  # shellcheck disable=SC2034  # for lib.sh
  state_roots=("/run/containerd/${name-runc}/$1" "$work/state/io.containerd.runtime.v2.task/$1")
}

daemon_answers() { command ctr --address "$work/containerd.sock" version; }

start_daemon() {
  local path=$PATH
  ! in_shim_mode || path=${runtime%/*}:$PATH
  PATH=$path setsid "$(command -v containerd)" --config "$work/config.toml" >>"$work/containerd.log" 2>&1 &
  echo $! >"$work/daemon"
  wait_until daemon_answers || { tail -n 5 "$work/containerd.log"; return 1; }
}

stop_daemon() {
  kill "$(cat "$work/daemon")"
  wait_until fails kill -0 "$(cat "$work/daemon")"
}
