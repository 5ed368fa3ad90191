# SPDX-License-Identifier: GPL-2.0-or-later
"""The package in a bare root: its life by apt, and in the packaged Kamailio.

The cases are steps: each begins where the one before it has left the root.
"""

import pathlib

import pytest

from conftest import Root

PACKAGE = "kamailio-ims-release-module"
EXAMPLE = "/usr/share/doc/%s/examples/scscf.cfg" % PACKAGE
INSTALL = "apt-get install -y --no-install-recommends --allow-downgrades "

# Another version of the package $1, as /tmp/$2.deb.
REPACK = """
rm -rf /tmp/repack
dpkg-deb -R $1 /tmp/repack
sed -i "s/^Version: .*/Version: $2/" /tmp/repack/DEBIAN/control
dpkg-deb -b /tmp/repack /tmp/$2.deb
"""

# Kamailio with the next upstream version, in an archive of its own.
NEXT_KAMAILIO = """
mkdir -p /tmp/archive/kamailio/DEBIAN
cd /tmp/archive
cat >kamailio/DEBIAN/control <<END
Package: kamailio
Version: $1
Architecture: $(dpkg --print-architecture)
Maintainer: nobody <nobody@example.org>
Description: the next version
END
dpkg-deb -b kamailio kamailio.deb
{
    dpkg-deb -f kamailio.deb
    echo "Filename: ./kamailio.deb"
    echo "Size: $(stat -c %s kamailio.deb)"
    echo "SHA256: $(sha256sum kamailio.deb | cut -d' ' -f1)"
} >Packages
echo "deb [trusted=yes] file:/tmp/archive ./" >/etc/apt/sources.list.d/next.list
apt-get update
"""

# Starts it with the example, asks the module, and ends it.
RUN = """
mkdir -p /run/kamailio
unshare -n sh -euc '
    ip link set lo up
    kamailio -DD -E -f %s >/tmp/kamailio.log 2>&1 &
    for try in $(seq 100); do
        kamcmd -s unix:/run/kamailio/kamailio_ctl ims_release.jobs \\
            >/tmp/jobs 2>&1 && break
        sleep 0.1
    done
    kamcmd -s unix:/run/kamailio/kamailio_ctl ims_release.rate
    kamcmd -s unix:/run/kamailio/kamailio_ctl core.version
    ims_release_top --once
    cp /tmp/kamailio.log /tmp/up.log    # what it says when it ends is another matter
    kill $!
    wait $! || { cat /tmp/kamailio.log; exit 1; }'
! grep -E "WARNING|ERROR|CRITICAL|BUG" /tmp/up.log
""" % EXAMPLE


@pytest.fixture(scope="module")
def built(release):
    """The folder of the built package, in the root that tests it."""
    builder = Root(release, "test")
    builder.run("tools/deps.sh build deb && make tree && tools/deb.sh")
    return builder.build / "deb"


@pytest.fixture(scope="module")
def root(release, built):
    root = Root(release, "package", new=True)
    root.run("apt-get update && apt-get install -y iproute2")
    root.deb = "/src/build/deb/" + next(built.glob(PACKAGE + "_*.deb")).name
    root.upstream = next(
        line.split("= ")[1].split(")")[0]
        for line in root.run("dpkg-deb -f %s Depends" % root.deb).split(", ")
        if line.startswith("kamailio (>="))
    return root


def status(root):
    return root.run("dpkg-query -W -f '${db:Status-Status} ${Version}' %s "
                    "2>/dev/null || true" % PACKAGE).split()


def files(root):
    """What is there by the name of the module, outside of this project."""
    return root.run("find / -xdev \\( -path /src -o -path /tmp -o -path '/var/*' "
                    "\\) -prune -o -name '*ims*release*' -print").split()


def test_lintian(built):
    assert "\nE: " not in "\n" + built.joinpath("lintian.log").read_text()


def test_install(root):
    root.run(REPACK, root.deb, "0~")
    root.run(INSTALL + "/tmp/0~.deb")
    assert status(root) == ["installed", "0~"]


def test_upgrade(root):
    root.run(INSTALL + root.deb)
    assert status(root) == ["installed", pathlib.Path(root.deb).name.split("_")[1]]


def test_content(root):
    folder = "/usr/share/doc/" + PACKAGE
    listed = root.run("dpkg -L " + PACKAGE)
    for name in ["/kamailio/modules/ims_release.so", folder + "/README.gz",
                 folder + "/operations.md.gz", EXAMPLE, "/usr/bin/ims_release_top",
                 folder + "/examples/accounting.cfg"]:
        assert name in listed
    root.run("dpkg --verify " + PACKAGE)


def test_runs_the_example(root):
    assert "kamailio %s" % root.upstream in root.run(RUN)


def test_kamailio_alone_is_not_upgraded(root):
    root.run(NEXT_KAMAILIO, root.upstream + ".99-1")
    assert root.upstream + ".99-1" in root.run("apt-cache policy kamailio")
    plan = root.run("apt-get -s upgrade")
    assert "Inst kamailio " not in plan
    assert "kept back" in plan
    root.run("apt-get install -y --no-remove kamailio", code=100)
    # who insists is told that the module goes
    assert "Remv " + PACKAGE in root.run("apt-get -s install kamailio")
    root.run("rm /etc/apt/sources.list.d/next.list && apt-get update")


@pytest.mark.parametrize("way", ["remove", "purge"])
def test_leaves_nothing(root, way):
    root.run(INSTALL + root.deb)
    assert files(root)
    root.run("apt-get %s -y %s" % (way, PACKAGE))
    assert status(root) in ([], ["not-installed"], ["unknown"])
    assert files(root) == []
