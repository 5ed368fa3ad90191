#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Install the Debian packages that a part of the project needs.
#
#   tools/deps.sh GROUP...     groups: build demo test model lint deb tree roots docs
#
# Only what is missing is installed, and apt is not called when nothing is.
# No service that comes with a package is started.
set -euo pipefail

# libssl-dev: Kamailio's configuration asks for its version, and what it sets
# with it is among the flags that the loader compares.
declare -A group=(
	[build]="build-essential dpkg-dev kamailio libssl-dev pkg-config"
	[demo]="kamailio-ims-modules kamailio-mysql-modules
		kamailio-sqlite-modules kamailio-extra-modules
		kamailio-utils-modules kamailio-json-modules
		kamailio-presence-modules
		sip-tester tshark iproute2 util-linux netbase python3"
	[test]="libcmocka-dev clang libclang-rt-dev llvm valgrind mariadb-server
		python3-pytest python3-pytest-xdist
		python3-pytest-rerunfailures python3-pyte"
	[model]="gcc libc6-dev spin python3"
	[lint]="clang-format clang-tidy cppcheck shellcheck flake8 libcmocka-dev"
	[deb]="debhelper lintian"
	[tree]="cmake bison flex"
	[roots]="debootstrap git"
	[docs]="docbook-xml docbook-xsl xsltproc lynx graphviz fonts-dejavu-core"
)

# Reading this file from a descriptor of its own lets several makes queue here
# without a lock file that somebody would have to own and remove.
exec 9<"$0"
flock 9

die() {
	echo "deps: $*" >&2
	exit 1
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

command -v dpkg-query >/dev/null ||
	die "this is not a Debian system, packages have to be installed by hand"
[ $# -gt 0 ] || die "usage: tools/deps.sh GROUP... (${!group[*]})"

missing=()
for name in "$@"; do
	[ -n "${group[$name]-}" ] || die "no group '$name' (${!group[*]})"
	for package in ${group[$name]}; do
		installed "$package" || missing+=("$package")
	done
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
	sudo=(sudo)
	# Without a terminal nobody can type a password: fail, do not wait.
	[ -t 0 ] || sudo=(sudo -n)
	"${sudo[@]}" true 2>/dev/null ||
		die "neither root nor sudo: as root, apt-get install ${missing[*]}"
fi

# Package scripts start their services through invoke-rc.d, which asks this
# program; 101 forbids. One that is there already is the administrator's.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '"${sudo[@]}" rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null
	"${sudo[@]}" chmod 755 $policy
fi

# Noninteractive takes every question's default; for tshark's that is to give
# no unprivileged user the right to capture.
apt_get() {
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}

echo "deps: installing ${missing[*]}"
log=$(mktemp)
# A failed update may concern some other archive: the installation tells.
apt_get update >"$log" 2>&1 || true
if ! apt_get install -y --no-install-recommends "${missing[@]}" \
		>>"$log" 2>&1; then
	tail -n 20 "$log" >&2
	die "apt-get could not install ${missing[*]} (all of it: $log)"
fi
rm -f "$log"
