# What the scripts ask of apt; sourced, not run.
# shellcheck shell=bash

is_root() { [ "$(id -u)" = 0 ]; }
has_apt() { command -v apt-get >/dev/null && [ -e /etc/debian_version ]; }

# distribution prints "debian" or "ubuntu", codename prints "bookworm".
distribution() { (. /etc/os-release && printf '%s\n' "$ID"); }
codename() { (. /etc/os-release && printf '%s\n' "$VERSION_CODENAME"); }

# apt_install PACKAGE...: the package lists are fetched only when the ones at
# hand do not do.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -y --no-install-recommends install "$@" </dev/null >&2 && return
  apt-get -q update </dev/null >&2
  apt-get -q -y --no-install-recommends install "$@" </dev/null >&2
}

# apt_mirror prints the address of the distribution's mirror that this machine
# already uses, so that no host is written down here.
apt_mirror() {
  local uri
  uri=$(known_mirror)
  if [ -z "$uri" ]; then # the origin is in the lists, and these were never fetched
    apt-get -q update </dev/null >&2
    uri=$(known_mirror)
  fi
  [ -n "$uri" ] && printf '%s\n' "$uri"
}

known_mirror() {
  apt-get indextargets --format '$(ORIGIN) $(SUITE) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v name="$(codename)" '($1 == "Debian" || $1 == "Ubuntu") && $3 == name && !found++ { print $4 }'
}
