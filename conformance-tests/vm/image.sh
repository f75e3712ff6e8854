#!/bin/bash
# image.sh SUITE KIND DIR: makes DIR, with a root image of that Debian release, its kernel, and what its initrd is made of.
# image.sh --id SUITE KIND: prints what changes with everything that an image is made from.
# KIND is "plain", or "clients" for one with all that the runners of ../clients need.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/apt.sh"

guest_packages=apparmor,busybox-static,ca-certificates,crun,dbus,dbus-user-session,iproute2,kmod,linux-libc-dev
guest_packages+=,libpam-systemd,libseccomp2,libstdc++6,login,mount,passwd,procps,runc
guest_packages+=,systemd,systemd-sysv,udev,uidmap,util-linux

# Docker has no runner there, and is larger than all the others.
packages_of_clients() {
  (cd "$here/../clients" && sed -n 's/^packages=(\(..*\))$/\1/p' containerd.sh podman.sh conmon.sh cri.sh) |
    tr -s ' ' '\n' | sort -u | paste -sd ,
}

node_path() { readlink -f "$(command -v node)"; }

# The kernel's package is unpacked, not installed: its initramfs and its boot loader are not wanted.
add_kernel() {  # SUITE WORK
  local root=$2/root tree=$2/kernel initrd=$2/done/initrd package version file module number=100
  private_apt "$2/apt" "$1"
  package=$(apt-cache "${apt_options[@]}" depends --important linux-image-cloud-amd64 |
    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  mkdir -p "$tree"
  (cd "$tree" && apt-get "${apt_options[@]}" download "$package" && dpkg-deb -x ./*.deb .)
  [ ! -d "$tree/usr/lib/modules" ] || { mkdir -p "$tree/lib" && mv "$tree/usr/lib/modules" "$tree/lib/"; }
  version=$(cd "$tree/lib/modules" && echo *)
  cp "$tree/boot/vmlinuz-$version" "$2/done/vmlinuz"
  mkdir -p "$root/lib/modules"
  cp -a "$tree/lib/modules/$version" "$root/lib/modules/"
  (cd "$root/lib/modules/$version" && rm -rf build source kernel/sound &&
    rm -rf kernel/drivers/{gpu,media,infiniband,usb,nvme,scsi,hid,input,net/ethernet})
  depmod -b "$root" "$version"

  # What the initrd needs to reach the root image, in the order of loading.
  mkdir -p "$initrd"/{bin,modules,proc,dev,new,files}
  cp "$root/bin/busybox" "$initrd/bin/"
  for file in sh mount umount insmod switch_root cat sleep cp poweroff echo; do ln -s busybox "$initrd/bin/$file"; done
  for module in $(modprobe -d "$root" -S "$version" --show-depends --all virtio_pci virtio_blk virtio_console \
    virtiofs crc32c_generic ext4 overlay virtio_rng | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'); do
    number=$((number + 1))
    file=$initrd/modules/$number-$(basename "$module")
    case $module in
      *.xz) xz -dc "$module" >"${file%.xz}" ;;
      *.zst) zstd -dcq "$module" >"${file%.zst}" ;;
      *) cp "$module" "$file" ;;
    esac
  done
}

# An ordinary user with subordinate ids, and nothing that would start by itself later.
set_up() {  # ROOT
  local unit
  echo tsoci-vm >"$1/etc/hostname"
  printf '127.0.0.1\tlocalhost\n127.0.1.1\ttsoci-vm\n::1\tlocalhost\n' >"$1/etc/hosts"
  : >"$1/etc/fstab"
  echo 5f0c1a0e4d6b4f5c9e4b7a1d2c3e4f50 >"$1/etc/machine-id"
  chroot "$1" useradd -m -u 1000 -U -s /bin/bash tester
  for unit in subuid subgid; do
    grep -q '^tester:' "$1/etc/$unit" || echo tester:100000:65536 >>"$1/etc/$unit"
  done
  mkdir -p "$1/var/lib/systemd/linger"
  : >"$1/var/lib/systemd/linger/tester"
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-tmpfiles-clean.timer getty@tty1.service serial-getty@ttyS0.service getty-static.service \
    containerd.service netavark-dhcp-proxy.socket podman.service podman.socket podman-auto-update.timer \
    podman-restart.service; do
    ln -sf /dev/null "$1/etc/systemd/system/$unit"
  done
}

# This machine's own Node, and the libraries of it that the image has not got.
add_node() {  # ROOT
  local library
  install -m 755 "$(node_path)" "$1/usr/local/bin/node"
  for library in $(ldd "$(node_path)" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'); do
    [ -e "$1$library" ] || install -D -m 644 "$library" "$1$library"
  done
  chroot "$1" node --version
}

action=make
[ "$1" != --id ] || { action=name; shift; }
suite=$1 kind=$2
[ "$kind" = plain ] || guest_packages+=,busybox-static,bsdutils,$(packages_of_clients)
if [ $action = name ]; then
  printf '%s\n' "$suite" "$mirror" "$(stat -c '%n %s %Y' "$(node_path)")" "$guest_packages" "$(cat "$here/image.sh")" |
    sha256sum | cut -c 1-16
  exit
fi
dir=$3 work=$3.new
rm -rf "$work"
mkdir -p "$work/done"
root=$work/root
mapfile -t sources < <(sources_of "$suite")
mmdebstrap --mode=root --variant=minbase --include="$guest_packages" \
  --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' "$suite" "$root" "${sources[@]}"
add_kernel "$suite" "$work"
set_up "$root"
add_node "$root"
truncate -s 16G "$work/done/root.img"
mkfs.ext4 -q -F -L tsoci-root -O ^has_journal -m 0 -E lazy_itable_init=1 -d "$root" "$work/done/root.img"
# Only what is whole has the name that is looked for.
rm -rf "$dir"
mv "$work/done" "$dir"
rm -rf "$work"
