#!/bin/sh
# Installs the programs of VibeTea for this user: fetches the archive of a release, compares it with the release's
# checksums, and only then unpacks it. Needs no root and changes nothing outside of the folder it installs into.
set -eu

# filled in where a release is made
release='@RELEASE@'
version='@VERSION@'
to="${HOME:-}/.local/bin"

usage() {
  cat <<'END'
Usage: sh install.sh [--from URL] [--version VERSION] [--to FOLDER]

  --from URL         where archive and SHA256SUMS are: https://…, or file:///… for a folder
  --version VERSION  which release, such as 0.1.0
  --to FOLDER        where the programs go, without it ~/.local/bin

Examples:
  sh install.sh
  sh install.sh --from file:///srv/vibetea --version 0.1.0 --to /opt/vibetea/bin
END
}

fail() {
  echo "install.sh: $1" >&2
  exit "${2:-1}"
}

while [ $# -gt 0 ]; do
  case "$1" in
    --from | --version | --to)
      [ $# -ge 2 ] || fail "$1 wants a value; see --help" 2
      case "$1" in
        --from) release=${2%/} ;;
        --version) version=$2 ;;
        --to) to=$2 ;;
      esac
      shift 2
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "'$1' is not known; see --help" 2 ;;
  esac
done

case "$release" in
  https://* | file:///*) ;;
  # a mirror on this machine, as in tests
  http://127.0.0.1:*) ;;
  @*) fail "this copy belongs to no release: name one with --from and --version" 2 ;;
  *) fail "--from holds '$release'; allowed: https://… or file:///…" 2 ;;
esac
case "$version" in
  '' | @* | *[!0-9A-Za-z.+-]*) fail "--version holds '$version'; allowed: a release such as 0.1.0" 2 ;;
esac
case "$to" in
  /?*) ;;
  *) fail "--to holds '$to'; allowed: a folder from the root, such as $PWD/bin" 2 ;;
esac

system=$(uname -s)
machine=$(uname -m)
case "$system $machine" in
  'Linux x86_64' | 'Linux amd64') target=x86_64-unknown-linux-musl ;;
  'Linux aarch64' | 'Linux arm64') target=aarch64-unknown-linux-musl ;;
  *) fail "there is no built program for $system on $machine: build it from the sources with 'cargo xtask build'" ;;
esac

fetch() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --proto '=https,http,file' --proto-redir '=https' \
      --max-time 600 --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget --quiet --timeout=60 --output-document="$2" "$1"
  else
    fail "neither curl nor wget is installed"
  fi || fail "cannot fetch $1"
}

hash_of() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1"
  elif command -v shasum >/dev/null; then
    shasum -a 256 "$1"
  else
    fail "neither sha256sum nor shasum is installed, so nothing can be verified"
  fi | cut -d ' ' -f 1
}

name="vibetea-$version-$target"
archive="$name.tar.gz"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fetch "$release/SHA256SUMS" "$work/SHA256SUMS"
fetch "$release/$archive" "$work/$archive"

expected=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
[ "${#expected}" -eq 64 ] || fail "SHA256SUMS of this release does not name $archive exactly once"
found=$(hash_of "$work/$archive")
if [ "$found" != "$expected" ]; then
  fail "$archive is not what the release lists: expected $expected, found $found; nothing was installed"
fi

tar -xzf "$work/$archive" -C "$work"
mkdir -p "$to"
for program in vibetea vibetea-server vibetea-monitor; do
  [ -f "$work/$name/$program" ] || fail "$archive holds no $program; nothing was installed"
done
for program in vibetea vibetea-server vibetea-monitor; do
  # beside its place first, so that a running program is replaced whole
  cp "$work/$name/$program" "$to/.$program.new"
  chmod 755 "$to/.$program.new"
  mv -f "$to/.$program.new" "$to/$program"
done

echo "installed in $to: vibetea, vibetea-server, vibetea-monitor $version"
case ":${PATH:-}:" in
  *":$to:"*) ;;
  *) echo "$to is not on your PATH: add it with  export PATH=\"$to:\$PATH\"" ;;
esac
