#!/bin/bash
# build.sh SOURCE DIR: builds the suite's programs into DIR, with Debian's Go and Go libraries alone.
#
# Without modules and without the network: the libraries are looked up in Debian's source tree, and the
# one that Debian does not have is the stand-in of tap/.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd)
mkdir -p "$2/validation"
dir=$(cd "$2" && pwd)

tree=$dir/go-tree
rm -rf "$tree"
mkdir -p "$tree/src/github.com/opencontainers" "$tree/src/github.com/mndrix"
cp -a "$source" "$tree/src/github.com/opencontainers/runtime-tools"
cp -a "$here/tap" "$tree/src/github.com/mndrix/tap-go"

export GO111MODULE=off GOFLAGS= CGO_ENABLED=0
export GOPATH=$tree:/usr/share/gocode GOCACHE=$dir/go-cache
cd "$tree/src/github.com/opencontainers/runtime-tools"
build() { go build -tags 'netgo osusergo' -o "$1" "$2"; }

build "$dir/runtimetest" ./cmd/runtimetest
for path in validation/*/; do
  name=$(basename "$path")
  [ "$name" = util ] || build "$dir/validation/$name.t" "./$path"
done
cp rootfs-*.tar.gz "$dir/"
touch "$dir/complete"
