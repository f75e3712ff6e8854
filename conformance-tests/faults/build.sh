#!/bin/sh
# build.sh OUT: what is in dist/ and build/js, with an addon and an init whose calls can be made to fail.
# Only these two are other files than those of the release: the driver is the very same.
set -eu
repository=$(cd "$(dirname "$0")/../.." && pwd)
cd "$repository"
out=$1
native=build/native-faults
mkdir -p "$out/bin" "$out/lib/tsoci" "$out/native"
# Two test files may build at once, and another run may be using what is there.
exec 9>"$out/lock"
flock 9

put() {  # FILE PLACE
  [ "$1" -ef "$2" ] || ln -f "$1" "$2"
}

npm run --silent build:native:faults
put dist/bin/tsoci "$out/bin/tsoci"
for file in dist/lib/tsoci/*; do
  [ "$file" = dist/lib/tsoci/tsoci.node ] || put "$file" "$out/lib/tsoci/${file##*/}"
done
put "$native/tsoci.node" "$out/lib/tsoci/tsoci.node"
# The library looks for its addon beside its own directory.
put "$native/tsoci.node" "$out/native/tsoci.node"
# The compiler writes into the files that are there, so that links to them are never old.
mkdir -p "$out/js"
cp -aln build/js/. "$out/js/"
