# Debian packages of any release, fetched without touching this machine's own sources. To be sourced.

# The mirrors that this machine has its own packages from.
apt_sites() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sort -u; }
mirror=$(apt_sites | grep debian | grep -v security | head -n 1)
security=$(apt_sites | grep debian-security | head -n 1)
[ -n "$mirror" ] || { echo "no Debian mirror among this machine's sources" >&2; exit 1; }

sources_of() {  # SUITE
  echo "deb $mirror $1 main"
  case $1 in sid | unstable | *-backports) return ;; esac
  echo "deb $mirror $1-updates main"
  [ -z "$security" ] || echo "deb $security $1-security main"
}

# An apt with a state of its own, for suites that the machine's apt may not know: sets apt_options.
# The packages of the last suite win, as those of a *-backports one else would not.
private_apt() {  # DIR SUITE...
  local dir=$1 preferred=${*: -1} suite
  shift
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  for suite in "$@"; do sources_of "$suite"; done >"$dir/sources.list"
  printf 'Package: *\nPin: release n=%s*\nPin-Priority: 990\n' "$preferred" >"$dir/preferences"
  apt_options=(-o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferences="$dir/preferences" -o Dir::Etc::preferencesparts=/dev/null
    -o Dir::State::lists="$dir/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$dir/cache"
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root
    -o Acquire::Languages=none -o Acquire::Retries=3)
  apt-get "${apt_options[@]}" update
}
