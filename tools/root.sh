#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run a command in a root folder of a Debian release, as root of that machine.
#
#   tools/root.sh [--new] RELEASE NAME COMMAND [ARGUMENT...]
#
# RELEASE is debian12 or debian13. NAME tells roots of a release apart: each is
# a copy of the bare one, made when it is first asked for and, with --new, anew.
# The command runs in /src, which is this project; /src/build is build/RELEASE.
# The network is the machine's; mounts and processes are gone when it has ended.
#
# ROOTS is where the roots are kept (build/roots), MIRROR the archive.
set -euo pipefail

project=$(realpath "$(dirname "$0")/..")
roots=$(realpath -m "${ROOTS:-$project/build/roots}")
mirror=${MIRROR:-http://deb.debian.org/debian}
declare -A codenames=([debian12]=bookworm [debian13]=trixie)

die() {
	echo "root: $*" >&2
	exit 1
}

if [ "$(id -u)" -ne 0 ]; then
	exec sudo --preserve-env=ROOTS,MIRROR -- "$0" "$@"
fi
new=
if [ "${1-}" = --new ]; then
	new=1
	shift
fi
[ $# -ge 3 ] || die "usage: tools/root.sh [--new] RELEASE NAME COMMAND..."
release=$1
name=$2
shift 2
codename=${codenames[$release]-}
[ -n "$codename" ] || die "no release '$release' (${!codenames[*]})"
bare=$roots/$release
root=$roots/$release-$name

# What an installer writes beyond what debootstrap does: names, the archives,
# and how this machine reaches them.
settle() {
	local etc=$1/etc security=${mirror%/debian}/debian-security
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$etc/hosts"
	printf '%s\n' "deb $mirror $codename main" \
		"deb $mirror $codename-updates main" \
		"deb $security $codename-security main" >"$etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(Check|[Hh]ttps?:|Retries)' \
		>"$etc/apt/apt.conf.d/90machine" || true
}

# A folder under its final name is complete.
mkdir -p "$roots"
exec 9>"$roots/$release.lock"
flock 9
if [ ! -d "$bare" ]; then
	echo "root: debootstrap of $codename"
	"$project/tools/deps.sh" roots
	rm -rf "$bare.tmp"
	debootstrap --variant=minbase "$codename" "$bare.tmp" "$mirror" \
		>"$roots/$release.log" 2>&1 ||
		die "debootstrap of $codename failed, see $roots/$release.log"
	settle "$bare.tmp"
	mv "$bare.tmp" "$bare"
fi
[ -z "$new" ] || rm -rf "$root"
if [ ! -d "$root" ]; then
	rm -rf "$root.tmp"
	cp -a "$bare" "$root.tmp"
	mv "$root.tmp" "$root"
fi
flock -u 9
exec 9>&-
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/src" "$project/build/$release"

# What one root has fetched, another of the release need not.
debs=$roots/$release.debs
archives=$root/var/cache/apt/archives
mkdir -p "$debs"
echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' \
	>"$root/etc/apt/apt.conf.d/91keep"
cp -ln "$debs"/*.deb "$archives" 2>/dev/null || true

export root project release
code=0
# shellcheck disable=SC2016  # expanded by the inner shell
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child bash -euc '
	mount --bind "$project" "$root/src"
	mount --bind "$project/build/$release" "$root/src/build"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	exec chroot "$root" env -iC /src HOME=/root TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"$@"' root "$@" || code=$?
cp -ln "$archives"/*.deb "$debs" 2>/dev/null || true
# A user's own clean-up is to reach what was built here for them.
[ -z "${SUDO_UID-}" ] || chown -R "$SUDO_UID" "$project/build/$release"
exit $code
