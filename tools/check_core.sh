#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Check that the core depends on libc and on Kamailio's `str` alone.
#
#   tools/check_core.sh KAMAILIO OBJECT...
#
# KAMAILIO is the folder that its headers were included from. Beside each object lies what it includes (gcc -MMD).
set -euo pipefail

kamailio=$1
shift
whole=$(mktemp)
trap 'rm -f "$whole"' EXIT
ld -r -o "$whole" "$@"

libc=$(gcc -print-file-name=libc.so.6)
strangers=$(comm -23 \
	<(nm -u "$whole" | awk '{ print $2 }' | sort -u) \
	<(nm -D --defined-only "$libc" | awk '{ sub(/@.*/, "", $3); print $3 }' |
		sort -u))
headers=$(cat "${@/%.o/.d}" | tr -s ' ' '\n' |
	grep -F "$kamailio/" | grep -v '/src/core/str\.h:*$' | sort -u || true)

if [ -n "$strangers$headers" ]; then
	echo "not in libc: ${strangers:-nothing}"
	echo "headers of Kamailio besides core/str.h: ${headers:-none}"
	exit 1
fi
echo "$# objects need libc only"
