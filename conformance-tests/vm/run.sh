#!/bin/bash
# run.sh [OPTION]... [--] COMMAND [ARG]...: runs COMMAND in a throw-away virtual machine with cgroup v2 alone.
#
# The machine is QEMU with a small Debian. It sees the git work tree at the tree's own path, writable, and
# the command runs in the current directory. Whatever else the command changes is gone with the machine.
#
#   --systemd       systemd is process 1, with D-Bus and user managers; else a small init
#   --user          the command is run by an ordinary user (1000), in a cgroup that is delegated to it
#   --clients       containerd, Podman and conmon are there
#   --suite NAME    the machine's Debian release (bookworm)
#   --cpus N        its processors (2)
#   --mem MIB       its memory (2048)
#   --env NAME=VAL  a variable for the command; may be given again
#   --timeout SEC   how long the machine may run (600)
#   --prepare       make what is kept, and run nothing
#
# Exit status: COMMAND's; 124 after the timeout; 125 when the machine ended before the command did;
# 77 when a machine cannot be had here, and why is said.
# What is made once is kept in TSOCI_VM_CACHE, by default $XDG_CACHE_HOME/tsoci/vm or build/vm.
set -u
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
say() { echo "vm: $*" >&2; }
refuse() { say "$*"; exit 77; }
usage() { sed -n '2,20s/^# \{0,1\}//p' "$0" >&2; exit 2; }

suite=bookworm kind=plain manager=init credentials=root cpus=2 memory=2048 seconds=600 prepare=no variables=()
while [ $# -gt 0 ]; do
  case $1 in
    --systemd) manager=systemd ;;
    --user) credentials=user ;;
    --clients) kind=clients ;;
    --prepare) prepare=yes ;;
    --suite | --cpus | --mem | --env | --timeout)
      [ $# -ge 2 ] || usage
      case $1 in
        --suite) suite=$2 ;;
        --cpus) cpus=$2 ;;
        --mem) memory=$2 ;;
        --env) variables+=("$2") ;;
        --timeout) seconds=$2 ;;
      esac
      shift ;;
    --) shift; break ;;
    -*) usage ;;
    *) break ;;
  esac
  shift
done
[ $# -gt 0 ] || [ $prepare = yes ] || usage

[ "$(uname -m)" = x86_64 ] || refuse 'only x86_64 has the rest of this prepared'
[ "$(id -u)" = 0 ] || refuse 'needs root, to make the root image and to share the work tree'
packages=(qemu-system-x86 qemu-system-common seabios mmdebstrap e2fsprogs cpio kmod util-linux xz-utils zstd)
# From Debian 13 on the daemon is a package of its own.
[ -z "$(apt-cache search --names-only '^virtiofsd$' 2>/dev/null)" ] || packages+=(virtiofsd)
"$repository/.ci/apt-install.sh" "${packages[@]}" || refuse 'the Debian packages that it needs cannot be installed'

cache=${TSOCI_VM_CACHE:-${XDG_CACHE_HOME:+$XDG_CACHE_HOME/tsoci/vm}}
cache=${cache:-$repository/build/vm}
mkdir -p "$cache" || refuse "\"$cache\" cannot be made"
cache=$(cd "$cache" && pwd -P)
# They are put between the commas of QEMU's options.
case $cache$repository in *[,\ ]*) refuse "a path with commas or blanks: \"$cache\" or \"$repository\"" ;; esac

exec {lock}>"$cache/lock"
flock "$lock"
name=image-$kind-$suite
image=$cache/$name-$("$here/image.sh" --id "$suite" "$kind") || refuse 'the image cannot be named'
qemu=(qemu-system-x86_64)
if [[ $(qemu-system-x86_64 --version) == *'version 7.'* && $(</etc/os-release) == *=bookworm* ]]; then
  [ -d "$cache/qemu" ] || {
    say 'fetching a faster QEMU, once'
    "$here/qemu.sh" "$cache/qemu" >"$cache/qemu.log" 2>&1 ||
      say "going on with a slower one, for what \"$cache/qemu.log\" says"
  }
  [ ! -e "$cache/qemu/usable" ] ||
    qemu=("$cache/qemu/usr/bin/qemu-system-x86_64" -L "$cache/qemu/usr/share/qemu" -L "$cache/qemu/usr/share/seabios")
fi
if [ ! -d "$image" ]; then
  say "making a $kind root image of $suite, once: a minute or so"
  # Those of earlier versions are of no use any more.
  rm -rf "$cache/$name-"*
  "$here/image.sh" "$suite" "$kind" "$image" >"$cache/image.log" 2>&1 || {
    tail -n 10 "$cache/image.log" >&2
    refuse "the root image cannot be made; all of the output is in \"$cache/image.log\""
  }
fi
exec {lock}>&-
[ $prepare = no ] || exit 0

run=$(mktemp -d "${TMPDIR:-/tmp}/tsoci-vm.XXXXXX") || exit 125
. "$here/machine.sh"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
write_job "$@"
run_machine
