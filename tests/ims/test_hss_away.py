# SPDX-License-Identifier: GPL-2.0-or-later
"""An HSS that is away: nobody registers, and what is there can still be released."""

from imscore.users import User
from imscore.way import Way, check_pair

BOTH_AS = Way("both-as", orig=("as1",), term=("as2",))
# who misses it says so, and calls it again
MISSED = r": (cdp|ims_icscf) "


def away(net):
    net.hss.stop()
    for node in net.icscf, net.scscf:
        node.expect_log(MISSED)


def test_release(session):
    talk = session(BOTH_AS).connect()
    away(talk.core)
    talk.release()
    talk.take_byes()
    talk.over()
    check_pair(talk.core.case.wire(), talk.core, BOTH_AS, talk.call_id, 503, "Gone")


def test_registration(core):
    """The user is told, and nobody waits for ever."""
    net = core()
    away(net)
    alice = User(net, "alice")
    alice.send_register(3600)
    # 500 of the I-CSCF, when cdp tells it; 504 of the P-CSCF, when it does not
    assert alice.receive_final(timeout=20).code in (500, 504)
