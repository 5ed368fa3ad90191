#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `make demo` and `make demo-ims` run once everything is installed and built:
# tools/demo.py or the one that is named, as root or, for an ordinary user, as root
# of a user namespace of its own.
set -eu
cd "$(dirname "$0")/.."
demo=${1:-demo}

die() {
	echo "demo: $*" >&2
	exit 1
}

# An ordinary user's PATH lacks the folders of kamailio and ip.
PATH=$PATH:/usr/sbin:/sbin
missing=
for tool in kamailio kamcmd sipp tshark ip unshare nsenter setpriv \
	/usr/bin/python3; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -z "$missing" ] || die "missing:$missing (tools/deps.sh demo installs them)"
[ -f build/ims_release.so ] || die "build/ims_release.so is not there: run make"

set --
if [ "$(id -u)" -ne 0 ]; then
	unshare --map-root-user true 2>/dev/null \
		|| die "this kernel lets only root make a namespace: sudo make demo"
	set -- unshare --map-root-user
fi
exec "$@" /usr/bin/python3 "tools/$demo.py"
