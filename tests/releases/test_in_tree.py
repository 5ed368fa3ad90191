# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder of the module, unchanged, within a source tree of Kamailio."""

import pytest

from conftest import Root

# A copy of the package source, as fetched, with the module in its place.
TREE = """
make tree
rm -rf /tmp/tree /tmp/objects
cp -rL build/kamailio /tmp/tree
rm -f /tmp/tree/src/config.mak
cp -r modules/ims_release /tmp/tree/src/modules/
"""
# What the loader looks for in a module.
EXPORTS = "nm -D --defined-only %s | awk '{ print $3 }'"


@pytest.fixture(scope="module")
def root(release):
    root = Root(release, "test")
    root.deps("build", "tree")
    root.run(TREE)
    return root


def exports(root, module):
    return set(root.run(EXPORTS % module).split())


def test_make(root):
    root.run("make -C /tmp/tree/src modules modules=modules/ims_release")
    assert {"exports", "module_version", "module_flags"} <= exports(
        root, "/tmp/tree/src/modules/ims_release/ims_release.so")


def test_cmake(root):
    if root.release == "debian12":
        assert "absent" in root.run(
            "[ -e /tmp/tree/CMakeLists.txt ] || echo absent")
        return
    root.run("cmake -S /tmp/tree -B /tmp/objects -DINCLUDE_MODULES=ims_release")
    root.run("cmake --build /tmp/objects --target ims_release")
    assert {"exports", "module_version", "module_flags"} <= exports(
        root, "/tmp/objects/src/modules/ims_release/ims_release.so")


def test_unsupported(root):
    """Another Kamailio is refused with the range that there is a module for."""
    root.run("rm -rf /tmp/other /tmp/build && cp -r /tmp/tree /tmp/other && "
             "rm -f /tmp/other/src/config.mak && "
             "sed -i 's/^VERSION = .*/VERSION = 7/' /tmp/other/src/Makefile.defs")
    said = root.run("make BUILD=/tmp/build KAMAILIO_SRC=/tmp/other 2>&1", code=2)
    assert "for Kamailio 5.6 to 6.1, and this is 7." in said
