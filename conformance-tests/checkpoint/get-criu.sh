#!/bin/bash
# Makes DIR/criu, a CRIU that works with this kernel, out of Debian's newest packages, which are unpacked
# and never installed. Does nothing when the machine's own one works, or when that was done before.
set -euo pipefail

dir=${1:?usage: get-criu.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)

works() { command -v "$1" >/dev/null && "$1" check >/dev/null 2>&1; }
if works criu || [ -x "$dir/criu" ]; then exit 0; fi
[ "$(id -u)" -eq 0 ] || { echo "criu can be tried only by root" >&2; exit 1; }

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
. "$here/../vm/apt.sh"
private_apt "$dir/apt" sid >/dev/null
# With no package installed the whole closure comes, the C library too.
apt-get "${apt_options[@]}" --option Dpkg::Use-Pty=0 --quiet=2 --yes --no-install-recommends \
  --download-only install criu >/dev/null

# Debian's newest have one tree; older packages name the links to it.
rm -rf "$dir/root"
mkdir -p "$dir/root/usr"
for name in bin sbin lib lib64; do
  mkdir "$dir/root/usr/$name"
  ln -s "usr/$name" "$dir/root/$name"
done
for package in "$dir"/apt/cache/archives/*.deb; do dpkg-deb --extract "$package" "$dir/root"; done
rm -rf "$dir/apt"

# By its own loader, as its C library is newer than the machine's.
loader=$(find -L "$dir/root/lib" "$dir/root/lib64" -name 'ld-linux*.so*' | head -n 1)
libraries=$(dirname "$(find "$dir/root/usr/lib" -name libc.so.6 | head -n 1)")
cat >"$dir/criu.new" <<EOF
#!/bin/sh
exec "$loader" --library-path "$libraries" "$dir/root/usr/sbin/criu" "\$@"
EOF
chmod 755 "$dir/criu.new"
"$dir/criu.new" --version >&2
mv "$dir/criu.new" "$dir/criu"
