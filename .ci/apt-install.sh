#!/bin/bash
# Installs the named Debian packages that are missing; says which, when it may not.
set -euo pipefail

if ! command -v dpkg-query >/dev/null; then
  echo "not a Debian system: make sure that these are there: $*" >&2
  exit 0
fi

missing=()
for package in "$@"; do
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "missing, and only root may install them: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "installing ${missing[*]}" >&2
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 --option Dpkg::Use-Pty=0)
install=("${apt[@]}" install --yes --no-install-recommends "${missing[@]}")
# The lists of a fresh machine are empty, and old ones name files that are gone.
"${install[@]}" </dev/null >/dev/null 2>&1 || { "${apt[@]}" update </dev/null >/dev/null; "${install[@]}" </dev/null >/dev/null; }
