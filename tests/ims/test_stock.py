# SPDX-License-Identifier: GPL-2.0-or-later
"""The S-CSCF that Kamailio ships, with the three lines of cfg/ims/stock-scscf.diff."""

import os

import pytest

from imscore.core import Core
from imscore.stock import run_shipped
from imscore.users import Session
from imscore.way import Way, check_pair

WAYS = [
    Way("both-as", orig=("as1",), term=("as2",)),
    Way("calling", called_served=False, orig=("as1",)),
    Way("called", caller_served=False, term=("as1",)),
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_release(case, way):
    core = Core(case, way.servers)
    run_shipped(core.scscf, os.path.join(case.folder, "shipped"))
    core.start()
    core.serve("alice", way.orig, "orig")
    core.serve("bob", way.term, "term")
    talk = Session(core, way).register().connect()
    talk.release()
    talk.take_byes()
    talk.over()
    check_pair(case.wire(), core, way, talk.call_id, 503, "Gone")
