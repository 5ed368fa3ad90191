# SPDX-License-Identifier: GPL-2.0-or-later
"""S-CSCFs that are not quite cfg/scscf.cfg or have no memory, and odd messages."""

import os
import re

from .case import ROOT
from .kamailio import RpcFault
from .network import Network

# What a log may hold when peers send garbage: complaints of others, none of ours.
OTHERS_COMPLAIN = r"(ERROR|WARNING|CRITICAL): (?!ims_release )"

# Where the script says whom it serves, and that it stays in the way.
SERVES = r"ims_release_serve\([^;]*;"
RECORD_ROUTES = r"record_route\(\);"


def adapted(case, host, topology, edits, **kwargs):
    """A network whose S-CSCF runs cfg/scscf.cfg with edits: {pattern: in its place}.

    Not started yet.
    """
    net = Network(case, host, topology, **kwargs)
    with open(os.path.join(ROOT, "cfg", "scscf.cfg")) as file:
        text = file.read()
    for pattern, instead in edits.items():
        text, count = re.subn(pattern, lambda match: instead, text)
        assert count, "cfg/scscf.cfg has no " + pattern
    net.scscf.config = os.path.join(case.folder, "adapted-scscf.cfg")
    with open(net.scscf.config, "w") as file:
        file.write(text)
    return net


# `extra` of an S-CSCF whose shared memory is to be filled
HOG = 'modparam("htable", "htable", "hog=>size=8;")\n'


def free_memory(net):
    return int(net.scscf.rpc("core.shmmem")["free"])


def hog(net, leaving):
    """Fills the shared memory but for so many bytes; `htable.flush hog` frees it."""
    for size in (60000, 2000, 200):
        for number in range(10000):
            if free_memory(net) < leaving + size:
                break
            try:
                net.scscf.rpc("htable.sets", "hog", "%d-%d" % (size, number),
                              "x" * size)
            except RpcFault:
                break


def with_header(data, name, value):
    """A message with another value in its first header of that name; None: without."""
    pattern = re.compile(rb"(?m)^%s: .*?\r\n" % re.escape(name.encode()))
    line = b"" if value is None else (
        "%s: %s\r\n" % (name, value)).encode("utf-8", "surrogateescape")
    data, count = pattern.subn(lambda match: line, data, count=1)
    assert count, "no %s in the message" % name
    return data
