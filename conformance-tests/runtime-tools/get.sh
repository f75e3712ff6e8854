#!/bin/bash
# get.sh DIR: fetches the suite's source and what it needs to be built, from Debian, and builds it in DIR.
#
# Debian 12 has Go and the libraries. The suite itself is in no binary package: its source is that of
# Debian 13's source package, which is fetched without touching the machine's own list of sources.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)

package=golang-github-opencontainers-runtime-tools
upstream=0.9.0.109.ge931285
archive=${package}_$upstream.orig.tar.xz
sum=203989a1ea98cf2aaced79155bbda09270b20db19b03376dde91ab12e5e6a0fe
needed=(golang-go golang-github-opencontainers-runtime-tools-dev golang-github-google-uuid-dev iproute2 util-linux)

missing=()
for name in "${needed[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

fetch_source() {
  local apt=$dir/apt mirror
  mkdir -p "$apt/sources" "$apt/preferences" "$apt/lists/partial" "$apt/cache/archives/partial"
  # Whatever mirror the machine has its own packages from.
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep debian | grep -v security | head -n 1)
  [ -n "$mirror" ] || { echo "get.sh: no Debian mirror among the machine's sources" >&2; exit 2; }
  printf '%s\n' 'Types: deb-src' "URIs: $mirror" 'Suites: trixie' 'Components: main' \
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$apt/sources/trixie.sources"
  cat >"$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::Etc::preferencesparts "$apt/preferences";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "root";
CONF
  (
    cd "$dir"
    export APT_CONFIG=$apt/apt.conf
    apt-get update -qq
    apt-get source -qq --download-only --tar-only "$package=$upstream-1"
  )
}

[ -e "$dir/$archive" ] || fetch_source
(cd "$dir" && echo "$sum  $archive" | sha256sum --check --quiet)
rm -rf "$dir/source"
mkdir "$dir/source"
tar -xf "$dir/$archive" -C "$dir/source" --strip-components=1
"$here/build.sh" "$dir/source" "$dir"
