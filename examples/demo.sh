#!/bin/bash
# Makes a bundle, runs it, and shows what the container saw and what each step took.
#
#   examples/demo.sh [TSOCI]      TSOCI is dist/bin/tsoci unless given; `make demo` builds it first
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tsoci=$(realpath "${1:-$here/../dist/bin/tsoci}")

if [[ $(id -u) -ne 0 ]]; then
  echo "A container needs root, so this goes on with sudo."
  exec sudo --preserve-env=PATH "$0" "$tsoci"
fi

dir=$(mktemp --directory --tmpdir tsoci-demo.XXXXXX)
id=demo-$$
clean_up() {
  "$tsoci" --root "$dir/state" delete --force "$id" >/dev/null 2>&1 || true
  rm -rf "$dir"
  # The runtime removes the cgroup of the container; the one above it is ours.
  find /sys/fs/cgroup -depth -maxdepth 2 -type d -name tsoci-demo -exec rmdir {} + 2>/dev/null || true
}
trap clean_up EXIT

echo "== 1. A root file system: busybox, and a script that looks around"
mkdir -p "$dir"/rootfs/{bin,dev,etc,proc,sys,tmp}
cp "$(command -v busybox)" "$dir/rootfs/bin/busybox"
for applet in awk cat echo hostname id ps sh; do
  ln -s busybox "$dir/rootfs/bin/$applet"
done
cp "$here/look-around.sh" "$dir/rootfs/bin/look-around"
find "$dir/rootfs" -mindepth 1 -printf '   %P\n' | sort | head -5
echo "   ..."

echo "== 2. tsoci spec, and five changes to its config.json"
(cd "$dir" && "$tsoci" spec)
node --input-type=module - "$dir/config.json" "/tsoci-demo/$id" <<'EDIT'
import { readFileSync, writeFileSync } from "node:fs";

const [file, cgroupsPath] = process.argv.slice(2);
const config = JSON.parse(readFileSync(file, "utf8"));
config.process.args = ["/bin/sh", "/bin/look-around"];
config.process.terminal = false;
config.root.path = "rootfs";
config.hostname = "demo";
config.linux.cgroupsPath = cgroupsPath;
writeFileSync(file, JSON.stringify(config, null, 2));
console.log(`   ${file}`);
EDIT

echo "== 3. tsoci run --trace: what the container sees"
started=$(date +%s%N)
"$tsoci" --root "$dir/state" run --bundle "$dir" --trace "$dir/trace.json" "$id" | sed 's/^/   /'
took=$(( ($(date +%s%N) - started) / 10000 ))

echo "== 4. What each step took, from the trace"
node "$here/print-trace.mjs" "$dir/trace.json" | sed 's/^/   /'
printf '\nThe whole command took %d.%02d ms, with the program in the container.\n' $((took / 100)) $((took % 100))
echo "The trace itself opens in any viewer of Chrome traces: tsoci run --trace FILE."
