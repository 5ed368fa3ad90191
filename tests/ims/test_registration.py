# SPDX-License-Identifier: GPL-2.0-or-later
"""Users register through the core: what passes on Gm, Mw and Cx."""

from imscore.core import SCSCF_URI, impu
from imscore.users import User
from imscore.way import Way

FIRST, SUBSEQUENT, UNKNOWN, NOT_REGISTERED = 2001, 2002, 5001, 5003
REGISTRATION, RE_REGISTRATION, USER_DEREGISTRATION = 1, 2, 5


def names(messages):
    return [message.name for message in messages]


def test_two_users(core):
    """REGISTER, 401, REGISTER, 200; UAR, MAR, UAR, SAR: for each of two SIPps."""
    net = core()
    for user in "alice", "bob":
        net.register(user)
    wire, cx = net.case.wire(), net.case.cx()
    for user in "alice", "bob":
        mine = [m for m in cx if m.get("impu") == impu(user)]
        assert names(m for m in mine if m.name.endswith("R")) \
            == ["UAR", "MAR", "UAR", "SAR"]
        sar = mine[-1]
        assert (sar.get("assignment"), sar.get("server")) == (REGISTRATION, SCSCF_URI)
        assert sar.get("impi") == user + "@ims.example"
        assert net.hss_value("serving", impu(user)) == SCSCF_URI
        ok = wire.responses(200, method="REGISTER", dst=net.addresses[user]).one()
        assert ok.uris("Service-Route") == ["sip:orig@scscf.ims.example:5060;lr"]
        assert ok.uris("P-Associated-URI") == [impu(user)]
        assert ok.uris("Contact") == ["sip:%s@%s:5060" % (user, net.addresses[user])]
        hops = wire.requests("REGISTER", call_id=ok.call_id).where(cseq=2)
        assert [m.dst for m in hops] == [
            net.addresses[node] + ":5060" for node in ("pcscf", "icscf", "scscf")]
        assert hops[-1].uris("Path") == ["sip:term@pcscf.ims.example:5060;lr"]
    answers = [m.result for m in cx if m.name.endswith("A")]
    assert answers == [FIRST, 2001, FIRST, 2001] * 2


def test_again(core):
    """A registration that is refreshed stays with its S-CSCF."""
    net = core()
    alice = User(net, "alice")
    assert alice.register().code == alice.register().code == 200
    cx = net.case.cx()
    assert [m.result for m in cx if m.name == "UAA"] \
        == [FIRST, FIRST, SUBSEQUENT, SUBSEQUENT]
    assert [m.get("assignment") for m in cx if m.name == "SAR"] \
        == [REGISTRATION, RE_REGISTRATION]


def test_wrong_password(core):
    net = core()
    assert User(net, "alice").register(password="looking-glass").code == 403
    assert "SAR" not in names(net.case.cx())


def test_not_a_subscriber(core):
    net = core()
    net.hss.rpc("htable.delete", "password", "alice@ims.example")
    alice = User(net, "alice")
    alice.send_register(3600)
    assert alice.receive_final().code == 403
    assert [(m.name, m.result) for m in net.case.cx()] \
        == [("UAR", None), ("UAA", UNKNOWN)]


def test_leaves(core):
    """De-registration by the user: the HSS has no S-CSCF for him any more."""
    net = core()
    alice = User(net, "alice")
    assert alice.register().code == 200
    assert alice.register(expires=0).code == 200
    assert [m.get("assignment") for m in net.case.cx() if m.name == "SAR"] \
        == [REGISTRATION, USER_DEREGISTRATION]
    assert net.hss_value("serving", impu("alice")) is None


def test_called_user_is_located(session):
    """The I-CSCF asks the HSS, in LIR, where the called user is."""
    talk = session(Way("both")).connect()
    cx = talk.core.case.cx()
    assert [(m.name, m.get("impu"), m.get("server")) for m in cx[-2:]] \
        == [("LIR", impu("bob"), None), ("LIA", None, SCSCF_URI)]
    talk.release()
    talk.take_byes()
    talk.over()


def test_called_user_is_not_registered(core):
    net = core()
    alice = User(net, "alice")
    assert alice.register().code == 200
    call = alice.invite(impu("bob"), alice.impu, impu("bob"))
    final = alice.receive_final()
    call.acknowledge_failure(final)
    assert final.code == 480
    assert net.case.cx()[-1].result == NOT_REGISTERED
