#!/bin/bash
# image.sh FILE NAME [COMMAND...]: writes an image of busybox to FILE, for no registry is needed to test a
# runtime. Its program is COMMAND, or a shell.
#
# The archive is an OCI image layout and what `docker save` writes at once, so that every client takes it.
set -euo pipefail
file=$1 name=$2
shift 2
[ $# -gt 0 ] || set -- sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

pack() {  # FILE DIR: the same bytes each time
  tar --create --file "$1" --directory "$2" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 .
}

root=$dir/root
mkdir -p "$root"/{bin,dev,etc,home,mnt,proc,root,run,sys,tmp,usr/bin,var/tmp}
chmod 1777 "$root/tmp" "$root/var/tmp"
cp /bin/busybox "$root/bin/busybox"
# Hard links: a mount over one of them must not hide them all.
for applet in $(/bin/busybox --list); do
  [ "$applet" = busybox ] || ln "$root/bin/busybox" "$root/bin/$applet"
done
printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'test:x:1000:1000::/home:/bin/sh' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'test:x:1000:' 'extra:x:2000:test' >"$root/etc/group"

blobs=$dir/archive/blobs/sha256
mkdir -p "$blobs"
keep() {  # FILE: becomes a blob; prints its digest
  local digest
  digest=$(sha256sum "$1" | cut -d ' ' -f 1)
  mv "$1" "$blobs/$digest"
  echo "$digest"
}
descriptor() {  # MEDIA_TYPE DIGEST [MORE]
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%d%s}' "$1" "$2" "$(stat -c %s "$blobs/$2")" "${3-}"
}

oci=application/vnd.oci.image
pack "$dir/layer" "$root"
layer=$(keep "$dir/layer")
command=$(printf ',"%s"' "$@")
cat >"$dir/config" <<CONFIG
{"created":"1970-01-01T00:00:00Z","architecture":"$(dpkg --print-architecture)","os":"linux",
"config":{"Env":["PATH=/usr/bin:/bin"],"Cmd":[${command#,}]},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},
"history":[{"created":"1970-01-01T00:00:00Z","created_by":"image.sh"}]}
CONFIG
config=$(keep "$dir/config")
printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' "$oci.manifest.v1+json" \
  "$(descriptor $oci.config.v1+json "$config")" "$(descriptor $oci.layer.v1.tar "$layer")" >"$dir/manifest"
manifest=$(keep "$dir/manifest")

names="\"io.containerd.image.name\":\"$name\",\"org.opencontainers.image.ref.name\":\"${name##*:}\""
printf '{"schemaVersion":2,"manifests":[%s]}' \
  "$(descriptor $oci.manifest.v1+json "$manifest" ",\"annotations\":{$names}")" >"$dir/archive/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$dir/archive/oci-layout"
printf '[{"Config":"blobs/sha256/%s","RepoTags":["%s"],"Layers":["blobs/sha256/%s"]}]' \
  "$config" "$name" "$layer" >"$dir/archive/manifest.json"
pack "$file" "$dir/archive"
