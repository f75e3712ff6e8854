#!/bin/bash
# A web server in a container that needs no root at all: an ordinary user makes it, runs it, ends it.
#
#   examples/rootless-http.sh [RUNTIME]      RUNTIME is dist/bin/tsoci unless given
#
# Run by root, it goes on as the user nobody; run by anybody else, as that user.
# Needs a static busybox, setpriv when run by root, and a kernel that lets ordinary users make user namespaces.
set -euo pipefail

if [[ ${1:-} == --help ]]; then
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
  exit
fi
tsoci=$(realpath "${1:-$(dirname "$0")/../dist/bin/tsoci}")
# Root's own temporary directory may be closed to others; one that is everybody's has the sticky bit.
[[ $(id -u) -ne 0 || -k ${TMPDIR:-/tmp} ]] || export TMPDIR=/tmp
# The second argument is this script's own, for when it goes on as another user.
dir=${2:-$(mktemp --directory --tmpdir tsoci-rootless.XXXXXX)}
id=web-$$

clean_up() {
  cd /
  if [[ -d $dir/state ]]; then
    "$tsoci" --root "$dir/state" delete --force "$id" >/dev/null 2>&1 || true
  fi
  rm -rf "$dir"
}
trap clean_up EXIT

if [[ $(id -u) -eq 0 ]]; then
  nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  echo "Root goes on as uid 65534, which owns nothing on this machine."
  # What root has may be where no other user can look.
  cp "$(realpath "$0")" "$dir/script"
  chmod 711 "$dir"
  if ! "${nobody[@]}" test -x "$tsoci"; then
    mkdir -p "$dir/prefix/bin" "$dir/prefix/lib"
    cp "$tsoci" "$dir/prefix/bin/tsoci"
    cp -R "$(dirname "$tsoci")/../lib/tsoci" "$dir/prefix/lib/tsoci"
    tsoci=$dir/prefix/bin/tsoci
  fi
  chown -R 65534:65534 "$dir"
  cd "$dir"
  exec "${nobody[@]}" bash "$dir/script" "$tsoci" "$dir"
fi

echo "== 1. The user $(id -u) makes a root file system: busybox, and a page that a shell script writes"
bundle=$dir/bundle
mkdir -p "$bundle"/rootfs/{bin,dev,proc,sys,www/cgi-bin}
cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
for applet in cat hostname httpd id sh; do
  ln -s busybox "$bundle/rootfs/bin/$applet"
done
cat > "$bundle/rootfs/www/cgi-bin/hello" <<'PAGE'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
echo "Hello from the container \"$(hostname)\"."
echo "In here I am uid $(id -u)."
PAGE
chmod +x "$bundle/rootfs/www/cgi-bin/hello"

# Nobody answers on a free port. It stays below those that the kernel gives to connections.
port=$((20000 + RANDOM % 10000))
while (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  port=$((20000 + RANDOM % 10000))
done

echo "== 2. tsoci spec --rootless, and three changes to its config.json"
"$tsoci" spec --rootless --bundle "$bundle"
server='"httpd", "-f", "-p", "127.0.0.1:'$port'", "-h", "/www"'
sed -i -e 's|"terminal": true|"terminal": false|' \
  -e 's|^\(\s*\)"sh"$|\1'"$server"'|' \
  -e 's|"hostname": ".*"|"hostname": "'"$id"'"|' "$bundle/config.json"
echo "   process.args       $server"
echo "   process.terminal   false: a server has no screen"
echo "   hostname           $id"
# What stands in a list of the config, without its line breaks.
list_of() { tr -d '\n\t' < "$bundle/config.json" | sed 's/.*"'"$1"'": *\[\([^]]*\)\].*/\1/'; }
echo "What \"spec --rootless\" asked for by itself:"
echo "   linux.uidMappings  $(list_of uidMappings | sed 's/,"/, "/g')"
echo "                      root of the container is the user $(id -u) outside, and nobody else is there"
echo "   linux.namespaces   $(list_of namespaces | sed 's/[{}" ]\|type"://g; s/,/, /g')"
echo "                      no \"network\": the server listens on the host's 127.0.0.1"

echo "== 3. tsoci run --detach, and the page from outside"
tsoci() { "$tsoci" --root "$dir/state" "$@"; }
# To a file: the container keeps what it gets here, and who read it from a pipe would wait for its end.
if ! tsoci run --detach --bundle "$bundle" "$id" < /dev/null > "$dir/log" 2>&1; then
  cat "$dir/log" >&2
  exit 1
fi
sed 's/^/   /' "$dir/log"
# HTTP is only text on a connection: the request goes up, and the answer comes until the server hangs up.
fetch() {
  exec 3<> "/dev/tcp/127.0.0.1/$port" || return
  printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3
  timeout 10 cat <&3 | tr -d '\r'
  exec 3>&-
}
tries=0
until (fetch /cgi-bin/hello) > "$dir/page" 2>/dev/null && grep -q "\"$id\"" "$dir/page"; do
  if [[ $((tries += 1)) -gt 100 ]]; then
    echo "nothing answers on port $port:" >&2
    cat "$dir/log" "$dir/page" >&2
    exit 1
  fi
  sleep 0.05
done
echo "   GET http://127.0.0.1:$port/cgi-bin/hello"
sed 's/^/   | /' "$dir/page"

pid=$(tsoci state "$id" | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
echo "== 4. One process, two user ids"
echo "   uid inside:  $(sed -n 's/.*I am uid \([0-9]*\).*/\1/p' "$dir/page")"
echo "   uid outside: $(stat --format=%u "/proc/$pid")   (process $pid of the host)"
echo "   /proc/$pid/uid_map:$(tr -s ' ' < "/proc/$pid/uid_map")"

echo "== 5. tsoci kill, tsoci delete"
# Process 1 of a pid namespace gets no signal that it has no handler for, and httpd has none for TERM.
tsoci kill "$id" KILL
tries=0
until tsoci state "$id" | grep -q '"status": *"stopped"'; do
  [[ $((tries += 1)) -le 100 ]] || { echo "the container does not stop" >&2; exit 1; }
  sleep 0.05
done
tsoci delete "$id"
echo "   containers left: $(tsoci list --quiet | wc -l)"
