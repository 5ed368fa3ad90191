# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain registrar (`registrar`, `usrloc`): registrations that end release sessions
(TS 24.229 5.4.5.1.2A); GRUUs in Contacts become the addresses bound to them (RFC 5627;
5.4.5.1.2 items 2 and 3)."""

import itertools
import re
import time

import pytest

from rig.network import CALLED, CALLING, HOME
from rig.raw import TAG, Scene, check_reason
from rig.ua import UserAgent, compose

_unique = itertools.count(1)

SHORT = 'modparam("registrar", "min_expires", 1)\nmodparam("usrloc", "timer_interval", 1)\n'
INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
# within a dialog a GRUU is looked up as in any other request (RFC 5627 5.3)
LOOKUP = 'route[SITE_POLICY] {\n\tif($ru =~ ";gr") {\n\t\tlookup("location");\n\t}\n}\n'
CAUSE, TEXT = 503, "Gone"


def register(agent, user, contact, expires=3600, call_id=None, code=200):
    """REGISTER without credentials; its response."""
    aor = "sip:%s@%s" % (user, HOME)
    agent.send(compose("REGISTER sip:%s SIP/2.0" % HOME, [
        agent.via(), ("Max-Forwards", "70"), ("From", "<%s>;tag=reg" % aor),
        ("To", "<%s>" % aor), ("Call-ID", call_id or "reg-" + user),
        ("CSeq", "%d REGISTER" % next(_unique)), ("Supported", "gruu, path"),
        ("Contact", contact), ("Expires", expires)]))
    return agent.receive(code)


class Registered(Scene):
    """A call of a user who has registered: alice calls, or bob is called."""

    def __init__(self, net, contact=None, stored=None, expires=3600, bound=False):
        """contact: what is registered; stored: the Contact within the call; bound: by
        administration, without a REGISTER."""
        super().__init__(net)
        self.who = "caller" if net.topology.caller_served else "callee"
        self.user = {"caller": "alice", "callee": "bob"}[self.who]
        self.agent = getattr(self, self.who)
        self.contact = contact or "<sip:%s@%s>" % (self.user, self.agent.hostport)
        self.stored = stored or self.contact
        # what the rig has bound for calls without a REGISTER
        if self.who == "callee":
            net.scscf.rpc("ul.rm", "location", "bob@" + HOME)
        if bound:
            net.scscf.rpc("ul.add", "location", self.user + "@" + HOME,
                          self.contact.strip("<>"), expires, 1.0, "0", 0, 0, 8191)
        else:
            self.granted = register(self.agent, self.user, self.contact, expires)

    def connect(self):
        mine = {"contact": self.stored}
        self.invite(**(mine if self.who == "caller" else {})).ring()
        self.party = self.callee.answer(
            self.offered, 200, TAG, **(mine if self.who == "callee" else {}))
        self.call.establish(self.caller.receive(200))
        return self.confirm()

    def seen(self):
        """It has been looked at, and found registered."""
        time.sleep(1.3)
        assert self.state() == "confirmed"
        return self

    def again(self, contact=None, expires=3600):
        return register(self.agent, self.user, contact or self.contact, expires)

    def take(self, text, cause=480, timeout=5):
        """Each party gets exactly one BYE that says so."""
        byes = [self.callee.receive("BYE", timeout), self.caller.receive("BYE", timeout)]
        for ua, bye in zip((self.callee, self.caller), byes):
            check_reason(bye, cause, text)
            ua.respond(bye, 200)
        self.nothing_left()
        for ua in self.caller, self.callee:
            ua.silent(0.3)
        return byes

    def goes_on(self, seconds=1.5):
        for ua in self.caller, self.callee:
            ua.silent(seconds / 2)
        assert self.state() == "confirmed"
        return self


@pytest.fixture
def talk(network):
    """A call of a registered user: talk(CALLING, "expired", expires=2)."""
    def start(topology=CALLING, events="expired,unregistered,terminated", extra="",
              **kwargs):
        extra += SHORT + 'modparam("ims_release", "release_on", "%s")\n' % events
        return Registered(network(topology, scscf={"extra": extra}), **kwargs).connect()
    return start


# -- registrations that end --------------------------------------------------------

@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_unregistered(talk, topology):
    call = talk(topology, "unregistered").seen()
    call.again(expires=0)
    call.take("User unregistered")


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_expired(talk, topology):
    call = talk(topology, "expired", expires=3)
    call.take("Registration expired", timeout=6)


def test_by_administration(talk):
    call = talk(events=" terminated ,expired").seen()
    call.scscf.rpc("ul.rm", "location", "alice@" + HOME)
    call.take("Registration terminated")


def test_another_contact(talk):
    """The Contact of the call is not the one registered: the user counts."""
    call = talk(stored="<sip:line7@127.0.0.21:5060;transport=udp>").seen()
    call.again(expires=0)
    call.take("User unregistered")


def test_of_two_contacts(talk):
    """The other one goes, the session stays; its own goes, it ends."""
    call = talk()
    other = "<sip:alice@127.0.0.23:5060>"
    call.again(other)
    call.seen().again(other, expires=0)
    call.goes_on().again(expires=0)
    call.take("User unregistered")


@pytest.mark.parametrize("star", ["*", "* \t"])
def test_star(talk, star):
    """All contacts at once: Contact "*"."""
    call = talk(events="unregistered").seen()
    call.again(star, expires=0)
    call.take("User unregistered")


@pytest.mark.parametrize("events,do", [
    ("terminated,expired", lambda call: call.again(expires=0)),
    ("unregistered,expired",
     lambda call: call.scscf.rpc("ul.rm", "location", "alice@" + HOME)),
], ids=["unregistered", "terminated"])
def test_not_asked_for(talk, events, do):
    """What release_on does not name releases nothing, now or later."""
    call = talk(events=events).seen()
    do(call)
    call.goes_on(3).release(CAUSE, TEXT)
    call.take(TEXT, CAUSE)


def stranger(call):
    return UserAgent(call.net.case, ("127.0.0.77", 5060), call.net.address("scscf"))


OF_THE_USER = {"contact": "<sip:alice@127.0.0.21:5060>", "expires": 0, "code": 401}


@pytest.mark.parametrize("expires,text", [
    (3600, "Registration terminated"), (4, "Registration expired")],
    ids=["terminated", "expired"])
@pytest.mark.parametrize("how", [
    OF_THE_USER, dict(OF_THE_USER, contact="*"),
    dict(OF_THE_USER, contact="<sip:eve@127.0.0.77>;expires=0", expires=60),
], ids=["contact", "star", "parameter"])
def test_refused_register(network, how, expires, text):
    """A REGISTER that is challenged takes nothing away, whoever sends it: what ends the
    registration then is not the user."""
    call = Registered(network(CALLING, scscf={
        "defines": {"WITH_AUTH": True}, "extra": SHORT
        + 'modparam("ims_release", "release_on", "expired,terminated")\n'}),
        bound=True, expires=expires).connect().seen()
    call.scscf.rpc("htable.sets", "password", "alice", "secret")
    for agent in stranger(call), call.agent:
        register(agent, "alice", **how)
    if expires == 3600:
        call.scscf.rpc("ul.rm", "location", "alice@" + HOME)
    call.take(text, timeout=7)


def test_malformed_register(talk):
    """Refused by the registrar itself: Contact "*" that does not say Expires 0."""
    call = talk(events="expired,terminated").seen()
    call.scscf.expect_log("expires must be 0 for star contact")
    other = stranger(call)
    register(other, "alice", "*", expires=60, code=400)
    other.silent(0.1)
    call.scscf.rpc("ul.rm", "location", "alice@" + HOME)
    call.take("Registration terminated")


def test_unregistered_before(talk):
    """He had unregistered and registered again when administration removed him."""
    call = talk(events="terminated", stored="<sip:line7@127.0.0.21:5060>").seen()
    call.again("*", expires=0)
    call.again()
    # times of notes are in seconds
    call.seen().seen().scscf.rpc("ul.rm", "location", "alice@" + HOME)
    call.take("Registration terminated")


def test_refreshed(talk):
    """A registration that is refreshed in time, and one that comes back."""
    call = talk(events="expired", expires=2)
    for _ in range(4):
        call.goes_on(1).again(expires=2)
    call.again()
    call.goes_on(2).release(CAUSE, TEXT)
    call.take(TEXT, CAUSE)


def test_early(talk, network):
    """A session that is not established yet is refused and cancelled."""
    scene = Registered(network(CALLING, scscf={
        "extra": 'modparam("ims_release", "release_on", "unregistered")\n'}))
    scene.invite(contact=scene.contact).ring()
    time.sleep(1.3)
    scene.again(expires=0)
    scene.refused(480, 480, "User unregistered")
    scene.cancelled(cause=480, text="User unregistered")
    scene.over()


def test_nobody(talk):
    """Users without a session, or that nobody knows, come and go."""
    call = talk().seen()
    for _ in range(2):
        register(call.callee, "carol", "<sip:carol@127.0.0.22:5060>")
        register(call.callee, "carol", "<sip:carol@127.0.0.22:5060>", expires=0)
    assert call.scscf.rpc("ims_release.jobs") == []
    call.goes_on()
    call.release(CAUSE, TEXT)
    call.take(TEXT, CAUSE)


# -- GRUU ----------------------------------------------------------------------------

PUBLIC, TEMPORARY = "pub-gruu", "temp-gruu"


@pytest.fixture
def gruu(network):
    """A call whose served user has a GRUU for a Contact: gruu(CALLING, PUBLIC)."""
    def start(topology, kind, connect=True, modules=""):
        net = network(topology, scscf={
            "defines": {"WITH_SITE_POLICY": True}, "extra": LOOKUP + modules})
        user = "alice" if topology.caller_served else "bob"
        host = net.topology.address("caller" if topology.caller_served else "callee")
        scene = Registered(net, contact='<sip:%s@%s:5060>;+sip.instance="<%s>"'
                           % (user, host, INSTANCE))
        scene.stored = "<%s>" % re.search(
            '%s="([^"]*)"' % kind, scene.granted.get("Contact"))[1]
        assert ";gr" in scene.stored
        return scene.connect() if connect else scene
    return start


def moved(scene, host="127.0.0.23"):
    """The user agent, the same instance, registers from elsewhere; who is there."""
    agent = UserAgent(scene.net.case, (host, 5060), scene.net.address("scscf"))
    register(agent, scene.user, scene.contact.replace(scene.agent.address[0], host),
             call_id="reg-moved")
    return agent


WAYS = pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
KINDS = pytest.mark.parametrize("kind", [PUBLIC, TEMPORARY])


def remembered(scene):
    """The releasing process has asked the registrar by now."""
    time.sleep(0.3)
    return scene


def of_served(scene, byes):
    """The BYE of item 2 or 3."""
    return byes[0] if scene.who == "callee" else byes[1]


@WAYS
@KINDS
def test_gruu(gruu, topology, kind):
    """The Request-URI is the address bound to it."""
    scene = gruu(topology, kind)
    scene.release(CAUSE, TEXT)
    byes = scene.take(TEXT, CAUSE)
    assert of_served(scene, byes).uri == "sip:%s@%s" % (scene.user, scene.agent.hostport)


def test_gruu_moved(gruu):
    """It is the address that is bound at the time of the release."""
    scene = gruu(CALLING, PUBLIC)
    there = moved(scene)
    scene.release(CAUSE, TEXT)
    scene.callee.respond(scene.callee.receive("BYE"), 200)
    bye = there.receive("BYE")
    there.respond(bye, 200)
    assert bye.uri == "sip:alice@127.0.0.23:5060"
    scene.nothing_left()
    scene.caller.silent()


@WAYS
@KINDS
def test_gruu_remembered(gruu, topology, kind):
    """The registration is gone at the release: where it was counts."""
    scene = remembered(gruu(topology, kind))
    scene.again(expires=0)
    scene.release(CAUSE, TEXT)
    byes = scene.take(TEXT, CAUSE)
    assert of_served(scene, byes).uri == "sip:%s@%s" % (scene.user, scene.agent.hostport)
    assert scene.scscf.log_lines("is bound to no address any more")


def test_gruu_of_nobody(gruu):
    """It never was bound: that leg fails, the other goes on."""
    scene = gruu(CALLING, PUBLIC, connect=False)
    scene.stored = "<sip:alice@%s;gr=urn:uuid:nobody>" % HOME
    scene.scscf.expect_log("is bound to no address, and none is remembered")
    scene.scscf.expect_log("no BYE to the caller can be sent")
    scene.connect().release(CAUSE, TEXT)
    bye = scene.callee.receive("BYE")
    check_reason(bye, CAUSE, TEXT)
    scene.callee.respond(bye, 200)
    scene.over(released=0, failed=1)
    assert {(c["leg"], c["code"]) for c in scene.report()["codes"]} == {
        ("caller", 503), ("callee", 200)}


@WAYS
@pytest.mark.parametrize("param", ["gr", "gr=" + INSTANCE])
def test_gruu_of_others(gruu, topology, param):
    """Its host is not the registrar's domain (RFC 5627 5.1): the Contact as it is."""
    scene = gruu(topology, PUBLIC, connect=False)
    uri = "sip:%s@%s;%s" % (scene.user, scene.agent.hostport, param)
    scene.stored = "<%s>" % uri
    # what the script's lookup says of it, on the way from the other user
    scene.scscf.expect_log("failed to extract temp gruu")
    remembered(scene.connect()).release(CAUSE, TEXT)
    byes = scene.take(TEXT, CAUSE)
    assert of_served(scene, byes).uri == uri


def test_gruu_by_refresh(gruu):
    """A re-INVITE brings the GRUU."""
    scene = gruu(CALLING, PUBLIC, connect=False)
    stored, scene.stored = scene.stored, scene.contact
    scene.connect().within("caller", "INVITE", contact=stored)
    remembered(scene).again(expires=0)
    scene.release(CAUSE, TEXT)
    byes = scene.take(TEXT, CAUSE)
    assert of_served(scene, byes).uri == "sip:alice@" + scene.caller.hostport


def test_gruu_released_by_registration(gruu):
    """Both at once: the registration ends, and its address is where the BYE goes."""
    scene = gruu(CALLING, PUBLIC, modules=(
        'modparam("ims_release", "release_on", "unregistered")\n')).seen()
    scene.again(expires=0)
    byes = scene.take("User unregistered")
    assert of_served(scene, byes).uri == "sip:alice@" + scene.caller.hostport
