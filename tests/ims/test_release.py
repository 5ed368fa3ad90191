# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator releases a session of the core: each BYE on every interface."""

import pytest

from imscore.way import Way, check_pair
from rig.raw import nothing_left

CALLING = Way("calling", called_served=False)
CALLED = Way("called", caller_served=False)
BOTH = Way("both")
CALLING_AS = Way("calling-as", called_served=False, orig=("as1",))
CALLED_AS = Way("called-as", caller_served=False, term=("as1",))
BOTH_AS = Way("both-as", orig=("as1",), term=("as2",))
IN_A_ROW = Way("in-a-row", orig=("as1", "as2", "as3"))
WAYS = [CALLING, CALLED, BOTH, CALLING_AS, CALLED_AS, BOTH_AS, IN_A_ROW]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_confirmed(session, way):
    """Set up with 100rel; both BYEs take the way that the clause gives them."""
    talk = session(way).connect()
    talk.release()
    talk.take_byes()
    talk.over()
    check_pair(talk.core.case.wire(), talk.core, way, talk.call_id, 503, "Gone")


@pytest.mark.parametrize("way", [BOTH, BOTH_AS, IN_A_ROW], ids=str)
def test_after_much_talk(core, way):
    """Two SIPps, 100rel, targets and CSeqs that move within the dialog."""
    net = core(way.servers)
    net.serve("alice", way.orig, "orig")
    net.serve("bob", way.term, "term")
    for user in "alice", "bob":
        net.register(user)
    # the Contacts that these two give in the call are not those that they registered
    net.scscf.expect_log("No Contacts found for both caller && callee")
    users = net.call("rich-call")
    net.case.capture.wait_for("SIP/2.0 488", net.addresses["alice"])
    net.scscf.rpc("ims_release.release", "callid", "call-1", 503, "Gone")
    for user in users:
        user.finish()
    nothing_left(net.scscf)
    to_callee, to_caller = check_pair(
        net.case.wire(), net, way, "call-1", 503, "Gone")
    assert (to_callee.cseq, to_caller.cseq) == (8, 105)
    assert to_callee.uri == "sip:bob-4@%s:5060" % net.addresses["bob"]
