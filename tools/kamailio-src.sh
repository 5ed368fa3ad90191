#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Make build/kamailio a configured source tree of Kamailio.
#
#   tools/kamailio-src.sh BUILD [DIR]
#
# DIR is a folder of Kamailio sources; it is not changed. Without it the tree
# is the package source of the Kamailio that is installed, as Debian ships no
# headers.
set -euo pipefail

build=$(realpath -m "$1")
given=${2-}

die() {
	echo "kamailio-src: $*" >&2
	exit 1
}

mkdir -p "$build"
exec 9>"$build/.lock"
flock 9

# The machine's entries of this release, in both formats that apt has, as
# entries of sources: into $1.list and $1.sources. Entries for other suites are
# third parties' and left out.
source_entries() {
	local codename suites
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
	suites="^($codename|(old)*stable|testing|unstable|sid)([-/].*)?$"

	# shellcheck disable=SC2016  # the dollars are awk's
	find /etc/apt \( -path /etc/apt/sources.list \
		-o -path '/etc/apt/sources.list.d/*.list' \) \
		-exec awk -v suites="$suites" '
			$1 == "deb" {
				line = $0
				sub(/^[ \t]*deb([ \t]+\[[^]]*\])?[ \t]+/, "", line)
				split(line, word)
				if(word[2] ~ suites) {
					sub(/deb/, "deb-src")
					print
				}
			}' {} + >"$1.list"
	# shellcheck disable=SC2016
	find /etc/apt -path '/etc/apt/sources.list.d/*.sources' \
		-exec awk -v suites="$suites" '
			function flush() {
				if(binary && matching && !disabled)
					print stanza
				stanza = ""
				binary = matching = disabled = 0
			}
			FNR == 1 || /^[ \t]*$/ { flush() }
			/^[ \t]*$/ || /^#/ { next }
			/^Types:/ {
				binary = /[: \t]deb([ \t]|$)/
				$0 = "Types: deb-src"
			}
			/^Suites:/ {
				sub(/:/, ": ")
				for(i = 2; i <= NF; i++)
					matching = matching || $i ~ suites
			}
			/^Enabled:[ \t]*(no|false|0)/ { disabled = 1 }
			{ stanza = stanza $0 "\n" }
			END { flush() }' {} + >"$1.sources"
}

# Fetch and unpack the package source into the folder $2, by apt with folders
# of its own: neither /etc/apt nor the machine's lists are touched, and root
# is not needed.
fetch() {
	local version=$1 tree=$2 apt=$build/apt
	rm -rf "$apt" "$tree.tmp"
	mkdir -p "$apt/sources.d" "$apt/lists/partial" \
		"$apt/archives/partial" "$tree.tmp"
	source_entries "$apt/sources.d/debian"
	# The sandbox user of apt may not be able to reach our folder.
	local apt_get=(apt-get -q
		-o Dir::Etc::sourcelist=/dev/null
		-o Dir::Etc::sourceparts="$apt/sources.d"
		-o Dir::State::lists="$apt/lists"
		-o Dir::Cache::archives="$apt/archives"
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o APT::Sandbox::User="$(id -un)"
		-o Acquire::Languages=none -o Acquire::Retries=3)

	echo "fetching the package source of kamailio $version"
	# A failed update may concern some other archive: the next step tells.
	"${apt_get[@]}" update >"$apt/log" 2>&1 || true
	if ! (cd "$tree.tmp" && "${apt_get[@]}" source "kamailio=$version") \
			>>"$apt/log" 2>&1; then
		tail -n 20 "$apt/log" >&2
		die "no package source of kamailio $version: upgrade kamailio," \
			"or name a folder of its sources: make KAMAILIO_SRC=DIR"
	fi
	mv "$tree.tmp"/kamailio-*/ "$tree"
	rm -rf "$tree.tmp" "$apt"
}

# Settings as in Debian's own build: the loader compares the version and the
# flags of the module with the core's, and what those do not show (statistics,
# locking) has to match all the same. Hardened as Debian's, and one step more:
# Debian's flags have level 2 of the checks in libc's functions.
configure() {
	export DEB_BUILD_MAINT_OPTIONS=hardening=+all
	export DEB_CPPFLAGS_MAINT_APPEND="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"
	make -s -C "$1/src" cfg-defs FLAVOUR=kamailio prefix=/usr \
		LIBDIR="lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)" \
		CC_EXTRA_OPTS="$(dpkg-buildflags --get CPPFLAGS) $(
			dpkg-buildflags --get CFLAGS) -DVERSION_NODATE" \
		LD_EXTRA_OPTS="$(dpkg-buildflags --get LDFLAGS)" >/dev/null
}

if [ -n "$given" ]; then
	given=$(realpath -e "$given") || die "no folder KAMAILIO_SRC=$2"
	[ -f "$given/src/Makefile.defs" ] ||
		die "KAMAILIO_SRC=$2 is not a source tree of Kamailio:" \
			"it has no src/Makefile.defs"
	tree=$build/kamailio-$(echo "$given" | cksum | cut -d' ' -f1)
	# Links to all that is there, and beside them a configuration of our own
	# where it has none.
	mkdir -p "$tree/src"
	ln -sfn "$given"/src/* "$tree/src/"
else
	version=$(dpkg-query -W -f '${source:Version}' kamailio)
	tree=$build/kamailio-$version
	[ -d "$tree" ] || fetch "$version" "$tree"
fi
if [ ! "$tree/src/config.mak" -nt "$tree/src/Makefile.defs" ] ||
	[ ! "$tree/src/config.mak" -nt "$0" ]; then
	configure "$tree"
fi

# compat.h knows which versions there is a module for.
compat=$(dirname "$0")/../modules/ims_release/compat.h
versionval=$(grep -om1 'VERSIONVAL=[0-9]*' "$tree/src/config.mak")
cc -E "-D$versionval" -o /dev/null "$compat" 2>/dev/null ||
	die "$(sed -n 's/^#error "\(.*\)"/\1/p' "$compat"), and this is" \
		"$(sed -nE 's/.*-DVERSION=.?"([^"]*)".*/\1/p' \
			"$tree/src/config.mak" | head -n 1)"

# Objects of another tree must not be mixed with those of this one.
if [ "$(readlink "$build/kamailio")" != "$(basename "$tree")" ]; then
	rm -rf "$build/module"
	ln -sfn "$(basename "$tree")" "$build/kamailio"
fi
