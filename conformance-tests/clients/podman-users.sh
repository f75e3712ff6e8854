# shellcheck shell=bash
# podman-users.sh: who is the ordinary user of podman.sh, which sources this file.

# The user of the machine that systemd runs a manager for: it places the containers.
take_user() {
  user_id=1000 user_runtime=/run/user/1000
  mkdir -p "$work/home"
  chown -R "$user_id:$user_id" "$work/home"
  as_user=(setpriv --reuid "$user_id" --regid "$user_id" --init-groups env --ignore-environment "HOME=$work/home"
    "XDG_RUNTIME_DIR=$user_runtime" "DBUS_SESSION_BUS_ADDRESS=unix:path=$user_runtime/bus" "PATH=$PATH"
    "USER=$(id -un "$user_id")")
}

# A user of this run only: the files are mounted over the machine's.
make_user() {
  local file
  mkdir -p "$work/etc" "$work/home" "$work/home/runtime"
  chmod 700 "$work/home/runtime"
  for file in passwd group subuid subgid; do
    [ -e /etc/$file ] || touch /etc/$file
    cp /etc/$file "$work/etc/$file"
    mount --bind "$work/etc/$file" /etc/$file
  done
  echo "podman-test:x:$user_id:$user_id::$work/home:/bin/sh" >>/etc/passwd
  echo "podman-test:x:$user_id:" >>/etc/group
  echo "podman-test:600000:65536" | tee -a /etc/subuid >>/etc/subgid
  # The device is everybody's on most machines, and root's on some.
  mknod -m 666 "$work/tun" c 10 200
  mount --bind "$work/tun" /dev/net/tun
  chown -R "$user_id:$user_id" "$work/home"
  as_user=(setpriv --reuid "$user_id" --regid "$user_id" --clear-groups env --ignore-environment "HOME=$work/home"
    "XDG_RUNTIME_DIR=$work/home/runtime" "PATH=$PATH" USER=podman-test)
}
