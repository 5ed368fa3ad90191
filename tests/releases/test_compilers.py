# SPDX-License-Identifier: GPL-2.0-or-later
"""Each release's compilers, warnings as errors, hardened."""

import re

import pytest

from conftest import Root

# A build folder of its own for a compiler; its tree has the same sources and a
# configuration for that compiler.
BUILD = """
make tree
folder=$PWD/build/$1
rm -rf $folder /tmp/sources
mkdir -p /tmp/sources/src
ln -s $(realpath build/kamailio)/src/* /tmp/sources/src/
rm /tmp/sources/src/config.mak
make build BUILD=$folder KAMAILIO_SRC=/tmp/sources CC=$1 2>&1
"""


@pytest.fixture(scope="module")
def root(release):
    root = Root(release, "test")
    root.deps("build", "test")
    return root


@pytest.fixture(scope="module", params=["gcc", "clang"])
def module(request, root):
    """What the compiler left, and its command lines."""
    said = root.run(BUILD, request.param)
    assert "CC (%s)" % request.param in said
    return root, request.param, "build/%s/ims_release.so" % request.param


def test_built_by_it(module):
    root, compiler, path = module
    comment = root.run("readelf -p .comment " + path)
    assert {"gcc": "GCC: ", "clang": "clang version"}[compiler] in comment


def test_hardened(module):
    root, _, path = module
    config = root.run("cat build/%s/kamailio/src/config.mak" % module[1])
    flags = re.findall("-[DUf][^ ]*(?:FORTIFY|stack)[^ ]*", config)
    assert flags[-1] and "-D_FORTIFY_SOURCE=3" in flags
    assert "-fstack-protector-strong" in flags
    # read-only relocations, all bound at the start; no executable stack
    assert "BIND_NOW" in root.run("readelf -d " + path)
    segments = root.run("readelf -lW " + path)
    assert "GNU_RELRO" in segments
    assert not re.search(r"GNU_STACK.* RWE ", segments)
    # the checks are in the code
    symbols = root.run("nm -D --undefined-only " + path)
    assert "_chk" in symbols and "__stack_chk_fail" in symbols
