# SPDX-License-Identifier: GPL-2.0-or-later
"""Application servers that are down at the release, and one that is a user agent."""

import pytest

from imscore.b2bua import Back2Back
from imscore.way import Way, check_pair
from rig.pair import reason

CALLING_AS = Way("calling-as", orig=("as1",))
CALLED_AS = Way("called-as", caller_served=False, term=("as1",))
# the two calls of a back-to-back user agent on the calling side
FIRST = Way("first", called_served=False, callee="as1")
SECOND = Way("second", caller="as1")


@pytest.mark.parametrize("way, other, gone", [
    (CALLING_AS, "caller", "callee"), (CALLED_AS, "callee", "caller")], ids=str)
def test_down(session, way, other, gone):
    """The BYE given to service control times out: the user behind the server gets
    another one, past it; the other has his at once."""
    talk = session(way, scscf='modparam("tm", "fr_timer", 1000)\n').connect()
    talk.core.as1.stop()
    talk.release()
    talk.take_bye(getattr(talk, other))
    bye = talk.take_bye(getattr(talk, gone))
    codes = {(c["leg"], c["code"], c["count"]) for c in talk.report()["codes"]}
    assert codes == {(other, 200, 1), (gone, 200, 1)}
    talk.over()
    byes = talk.wire().requests("BYE")
    made = {(m.dst, m.cseq) for m in byes if len(m.values("Via")) == 1}
    assert len(made) == 3, byes
    lost = [m.cseq for m in byes if m.dst == "%s:%d" % talk.core.address("as1")]
    assert set(lost) == {bye.cseq - 1}, byes


@pytest.mark.parametrize("way", [CALLING_AS, CALLED_AS], ids=str)
def test_down_at_the_call(session, way):
    """No session comes about, and none is left."""
    talk = session(way, scscf='modparam("ims_isc", "isc_fr_timeout", 500)\n')
    talk.core.as1.stop()
    call = talk.caller.invite(talk.topology.called_impu, talk.topology.caller_impu,
                              talk.topology.called_impu)
    call.acknowledge_failure(talk.caller.receive(408))
    talk.no_record_left()
    talk.callee.silent()


@pytest.fixture
def two(core):
    net = core(("as1",))
    net.as1.stop()      # a user agent takes its place
    net.serve("alice", ("as1",))
    return Back2Back(net, "as1").connect()


def test_both_by_icid(two):
    """Two Call-IDs, one charging identifier: each leg ends once."""
    job = two.release("icid", two.icid)
    assert job["matched"] == 2
    two.take_byes()
    two.over(job, released=2)
    wire = two.core.case.wire()
    check_pair(wire, two.core, FIRST, two.first.call_id, 503, "Gone")
    check_pair(wire, two.core, SECOND, two.second.call_id, 503, "Gone")


@pytest.mark.parametrize("which", ["first", "second"])
def test_one_alone(two, which):
    """The server gets its BYE and hangs up on the other side, as it would itself."""
    job = two.release("callid", getattr(two, which).call_id)
    assert job["matched"] == 1
    two.pass_bye_on(which)
    two.over(job, released=1)
    wire = two.core.case.wire()
    way = {"first": FIRST, "second": SECOND}.pop(which)
    check_pair(wire, two.core, way, getattr(two, which).call_id, 503, "Gone")
    other = two.second if which == "first" else two.first
    theirs = wire.where(call_id=other.call_id).requests("BYE")
    assert [m.src for m in theirs][0] == two.server.hostport
    assert not [reason(m.get("Reason")) for m in theirs if m.get("Reason")]
