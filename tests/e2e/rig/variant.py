# SPDX-License-Identifier: GPL-2.0-or-later
"""S-CSCFs that are not quite cfg/scscf.cfg, and messages that are not quite right."""

import os
import re

from .case import ROOT
from .network import Network

# What a log may hold when peers send garbage: complaints of others, none of ours.
OTHERS_COMPLAIN = r"(ERROR|WARNING|CRITICAL): (?!ims_release )"

# For what must not serve anybody, record-route or know of the module.
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


def with_header(data, name, value):
    """A message with another value in its first header of that name; None: without."""
    pattern = re.compile(rb"(?m)^%s: .*?\r\n" % re.escape(name.encode()))
    line = b"" if value is None else (
        "%s: %s\r\n" % (name, value)).encode("utf-8", "surrogateescape")
    data, count = pattern.subn(lambda match: line, data, count=1)
    assert count, "no %s in the message" % name
    return data
