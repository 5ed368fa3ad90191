#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Build the package of the Kamailio that is installed into build/deb/, and show
# it to lintian. The sources of Kamailio are in build/kamailio (make tree).
set -euo pipefail
cd "$(dirname "$0")/.."

# Packages of two releases have the same upstream version; that of the later
# release is the higher one.
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "deb$VERSION_ID")
KAMAILIO_SRC=$(realpath build/kamailio)
export KAMAILIO_SRC

rm -rf build/deb
mkdir -p build/deb/src
cp -r debian modules cfg docs tools build/deb/src/
rm -f build/deb/src/modules/ims_release/*.{o,d,so,lst}
sed -i "1s/(\([^)]*\))/(\1+$release)/" build/deb/src/debian/changelog

log=build/deb/build.log
if ! (cd build/deb/src && dpkg-buildpackage -b -us -uc) >$log 2>&1; then
	tail -n 30 $log >&2
	exit 1
fi
rm -rf build/deb/src
lintian --fail-on error --allow-root build/deb/*.changes 2>&1 |
	tee build/deb/lintian.log
ls build/deb/*.deb
