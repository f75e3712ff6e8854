#!/bin/bash
# qemu.sh DIR: puts the QEMU of Debian 12's backports into DIR, and a file "usable" when it runs here.
#
# Debian 12's own QEMU 7.2 starts a program in a machine at a third of the speed of QEMU 10. That one runs
# with the libraries that 7.2 needs, so that it is unpacked only, and this machine is left as it is.
# Remove when Debian 12 is no longer supported.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/apt.sh"

rm -rf "$1"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
private_apt "$dir/apt" bookworm bookworm-backports
cd "$dir"
apt-get "${apt_options[@]}" download qemu-system-x86 qemu-system-data seabios
for package in *.deb; do dpkg-deb -x "$package" .; done
rm -rf apt ./*.deb usr/share/doc usr/share/man
usr/bin/qemu-system-x86_64 --version
touch usable
