#!/bin/bash
# A root file system out of two directories, by overlayfs: what images are made of.
#
#   examples/overlay.sh [RUNTIME]      RUNTIME is dist/bin/tsoci unless given
#
# The mount is made in a mount namespace of its own, so the host never sees it.
# Needs root, a static busybox, overlayfs, and a temporary directory that can be its upper one.
# The container's cgroup is below $TSOCI_EXAMPLE_CGROUP, which is /tsoci-test unless given.
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
  exit
fi
self=$(realpath "$0")
tsoci=$(realpath "${1:-$(dirname "$self")/../dist/bin/tsoci}")
if [[ $(id -u) -ne 0 ]]; then
  echo "Mounting needs root, so this goes on with sudo."
  exec sudo --preserve-env=PATH,TSOCI_EXAMPLE_CGROUP "$self" "$tsoci"
fi
# The second argument is this script's own: it is there once the mount namespace is.
if [[ ${2:-} != isolated ]]; then
  exec unshare --mount --propagation private "$self" "$tsoci" isolated
fi

dir=$(mktemp --directory --tmpdir tsoci-overlay.XXXXXX)
id=overlay-$$
cgroup=${TSOCI_EXAMPLE_CGROUP:-/tsoci-test}
# Those that the runtime will have to make: it removes the container's cgroup, but not the one above.
missing=()
while read -r _ hierarchy type _; do
  [[ $type != cgroup?(2) || -d $hierarchy$cgroup ]] || missing+=("$hierarchy$cgroup")
done < /proc/self/mounts
clean_up() {
  cd /
  "$tsoci" --root "$dir/state" delete --force "$id" >/dev/null 2>&1 || true
  ! mountpoint --quiet "$dir/bundle/rootfs" || umount "$dir/bundle/rootfs"
  rm -rf --one-file-system "$dir"
  [[ ${#missing[@]} -eq 0 ]] || rmdir "${missing[@]}" 2>/dev/null || true
}
trap clean_up EXIT

# Each file with what it holds; busybox and the links to it are left out.
show() {
  (cd "$1" && find . -path ./bin -prune -o \( -type f -o -type c \) -print | sort) |
    while read -r path; do
      if [[ -c $1/$path ]]; then
        echo "   ${path#.}   a whiteout: a character device with the number $(stat --format=%t:%T "$1/$path")"
      else
        echo "   ${path#.}   \"$(paste --serial --delimiters=+ "$1/$path" | sed 's/+/" + "/g')\""
      fi
    done
}
checksum() { tar --create --sort=name --directory "$1" . | sha256sum; }

echo "== 1. The lower directory: busybox and four files"
lower=$dir/lower upper=$dir/upper
mkdir -p "$lower"/{bin,dev,etc,proc,sys}
cp "$(command -v busybox)" "$lower/bin/busybox"
for applet in cat ls rm sh; do
  ln -s busybox "$lower/bin/$applet"
done
for name in changed hidden kept removed; do
  echo "$name, of the lower directory" > "$lower/etc/$name"
done
show "$lower"

echo "== 2. The upper directory: it changes one file and hides another"
mkdir -p "$upper/etc"
echo "changed, of the upper directory" > "$upper/etc/changed"
mknod "$upper/etc/hidden" c 0 0
show "$upper"

echo "== 3. The overlay of both is the root file system of a bundle"
mkdir -p "$dir/bundle/rootfs" "$dir/work"
mount -t overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$dir/work" overlay "$dir/bundle/rootfs"
"$tsoci" spec --bundle "$dir/bundle"
node --input-type=module - "$dir/bundle/config.json" "$cgroup/$id" <<'EDIT'
import { readFileSync, writeFileSync } from "node:fs";

const [file, cgroupsPath] = process.argv.slice(2);
const config = JSON.parse(readFileSync(file, "utf8"));
const program = `
  echo "/etc has: $(echo $(ls /etc))"
  echo "/etc/changed is: $(cat /etc/changed)"
  echo "written by the container" > /etc/written
  echo "and more, by the container" >> /etc/kept
  rm /etc/removed
  echo "now /etc has: $(echo $(ls /etc))"`;
config.process.args = ["/bin/sh", "-c", program];
config.process.terminal = false;
config.root = { path: "rootfs", readonly: false };
config.linux.cgroupsPath = cgroupsPath;
writeFileSync(file, JSON.stringify(config, null, 2));
EDIT
echo "   root.path      rootfs, where the overlay is mounted"
echo "   root.readonly  false: the container may write, and all it writes lands in the upper directory"
echo "   process.args   a shell that looks, writes a file, adds to /etc/kept, and removes /etc/removed"

echo "== 4. tsoci run: what the container sees"
before=$(checksum "$lower")
"$tsoci" --root "$dir/state" run --bundle "$dir/bundle" "$id" < /dev/null > "$dir/seen" 2>&1 || {
  cat "$dir/seen" >&2
  exit 1
}
sed 's/^/   /' "$dir/seen"

echo "== 5. The upper directory afterwards: all that has changed, and nothing else"
show "$upper"

echo "== 6. The lower directory afterwards"
show "$lower"
if [[ $(checksum "$lower") == "$before" ]]; then
  echo "It is as it was, to the byte: another container can have it as its lower one at the same time."
else
  echo "the lower directory has changed" >&2
  exit 1
fi
