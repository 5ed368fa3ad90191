#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Make the module's README from its DocBook sources, by Kamailio's own rules.
#
#   tools/module_readme.sh KAMAILIO FILE
#
# KAMAILIO is a folder of Kamailio sources. The documentation of a module lies
# four folders below its root: the sources are copied to such a place. Nothing
# is fetched from the network.
set -euo pipefail

module=$(cd "$(dirname "$0")/../modules/ims_release" && pwd)
kamailio=$(cd "$1" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

place=$tree/src/modules/ims_release
mkdir -p "$place"
cp -r "$module/doc" "$place"
ln -s "$kamailio/doc" "$tree/doc"
ln -s "$kamailio/src/Makefile.targets" "$tree/src/"
env -u MAKEFLAGS -u MAKELEVEL LC_ALL=C.UTF-8 make -s -C "$place/doc" readme \
	xsltproc_flags=--nonet \
	lynx_flags="-nolist -assume_charset=utf-8 -display_charset=utf-8" >&2
# lines that lynx ends with blanks
sed 's/[ \t]*$//' "$place/README" >"$2"
