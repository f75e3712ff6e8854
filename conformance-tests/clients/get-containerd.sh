#!/bin/bash
# get-containerd.sh SUITE DIR: makes DIR/bin out of the containerd package of another release of Debian, with its
# ctr and its shim for runc. It is unpacked and never installed. Does nothing when that was done before.
set -euo pipefail

suite=${1:?usage: get-containerd.sh SUITE DIR} dir=${2:?usage: get-containerd.sh SUITE DIR}
here=$(cd "$(dirname "$0")" && pwd)

if [ -x "$dir/bin/containerd" ]; then exit 0; fi
rm -rf "$dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
. "$here/../vm/apt.sh"
private_apt "$dir/apt" "$suite" >/dev/null
(cd "$dir/apt" && apt-get "${apt_options[@]}" --quiet=2 download containerd)
dpkg-deb --extract "$dir"/apt/containerd_*.deb "$dir/root"
rm -rf "$dir/apt"

# They need no library but the C library, and an old one is enough.
for program in containerd ctr containerd-shim-runc-v2; do
  "$dir/root/usr/bin/$program" -v >/dev/null || { echo "$program of $suite does not run here" >&2; exit 1; }
done
mv "$dir/root/usr/bin" "$dir/bin"
rm -rf "$dir/root"
