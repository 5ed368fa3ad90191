# SPDX-License-Identifier: GPL-2.0-or-later
"""What the record of a session holds after each message (`ims_release.show`).

Then the session is released: what was recorded is what goes over the wire.
"""

import re
import time

import pytest

from rig.network import BOTH_AS, CALLED, CALLING
from rig.pair import check_pair
from rig.raw import CAUSE, TEXT, Scene, maybe
from rig.sip import Message, canonical
from rig.ua import Dialog, compose
from rig.variant import OTHERS_COMPLAIN, SERVES, adapted, with_header

WAYS = [CALLING, CALLED, BOTH_AS]
# messages are looked at in the order in which they come
ONE_WORKER = {"substs": {"WORKERS": 1}}


def record(scene):
    return scene.scscf.rpc("ims_release.show", "callid", scene.call_id)


def cseqs(scene):
    shown = record(scene)
    return shown["caller"]["cseq"], shown["callee"]["cseq"]


def targets(scene):
    shown = record(scene)
    return shown["caller"]["contact"], shown["callee"]["contact"]


def exchange(scene, who, method, code=200, asks=None, answers=None):
    """A request of one side and its answer, with those Contacts if any."""
    dialog, asker, asked = scene.sides(who)
    if asks or method in ("INVITE", "UPDATE"):
        dialog.request(method, contact=asks)
    else:
        asker.send(with_header(dialog.build(method), "Contact", None))
    asked.respond(asked.receive(method), code,
                  headers=[("Contact", answers)] if answers else [])
    answer = asker.receive(code)
    if method == "INVITE" and code < 300:
        dialog.acknowledge()
        asked.receive("ACK")
    elif method == "INVITE":
        dialog.acknowledge_failure(answer)
        asked.receive("ACK")


def seen(scene):
    """With one worker: all that was sent before this has been looked at."""
    exchange(scene, "callee", "OPTIONS")


def drop(scene, *methods):
    """Forgets the requests that were passed on to the callee."""
    for method in methods:
        while maybe(scene.callee, method):
            pass


def released(scene, checked=True):
    """Releases the session; (BYE to the callee, BYE to the caller) as they came."""
    scene.release()
    byes = scene.take_byes()
    scene.report()
    if checked:
        check_pair(scene.wire(), scene.topology, scene.call_id, CAUSE, TEXT)
    return byes


# -- CSeq --------------------------------------------------------------------------

WALK = [
    # when, whose request, method, how the other side answers it
    ("early", "caller", "PRACK", 200),
    ("early", "caller", "PRACK", 481),
    ("early", "caller", "UPDATE", 200),
    ("early", "callee", "UPDATE", 200),
    ("early", "callee", "UPDATE", 491),
    ("early", "callee", "INFO", 200),
    ("answered", "caller", "INFO", 200),
    ("answered", "callee", "UPDATE", 200),
    ("answered", "callee", "OPTIONS", 405),
    ("confirmed", "caller", "INFO", 200),
    ("confirmed", "callee", "OPTIONS", 200),
    ("confirmed", "caller", "REFER", 202),
    ("confirmed", "callee", "NOTIFY", 200),
    ("confirmed", "caller", "MESSAGE", 200),
    ("confirmed", "callee", "MESSAGE", 415),
    ("confirmed", "caller", "INVITE", 200),
    ("confirmed", "callee", "INVITE", 200),
    ("confirmed", "caller", "INVITE", 488),
    ("confirmed", "callee", "INVITE", 491),
    ("confirmed", "callee", "PUBLISH", 501),
    ("confirmed", "caller", "FOO", 405),
]
STAGES = {"early": Scene.ring, "answered": Scene.answer, "confirmed": Scene.confirm}


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_each_method_counts(network, topology):
    """Each request, answered or refused, is the highest of its side."""
    scene = Scene(network(topology)).invite(cseq=10)
    # a PRACK, an UPDATE before the ACK are no event that it knows
    scene.scscf.expect_log("ims_dialog.*bogus event")
    assert cseqs(scene) == (10, 0)
    stage = None
    for when, who, method, code in WALK:
        if when != stage:
            before = scene.call.cseq, scene.party.cseq if scene.party else 0
            STAGES[when](scene)
            scene.party.cseq = before[1] or 100
            stage = when
        exchange(scene, who, method, code)
        expected = (scene.call.cseq,
                    scene.party.cseq if scene.party.cseq > 100 else 0)
        assert cseqs(scene) == expected, (when, who, method, code)
    to_callee, to_caller = released(scene)
    assert (to_callee.cseq, to_caller.cseq) == (21, 112)


LEGAL, ILLEGAL = True, False
NUMBERS = [
    # value of the CSeq header, whether it is what the caller's highest becomes
    ("2147483647 INFO", ILLEGAL),
    ("2147483648 INFO", ILLEGAL),
    ("4294967295 INFO", ILLEGAL),
    ("4294967296 INFO", ILLEGAL),
    ("4294967396 INFO", ILLEGAL),
    ("99999999999999999999999 INFO", ILLEGAL),
    ("-1 INFO", ILLEGAL),
    ("+900 INFO", ILLEGAL),
    ("900x INFO", ILLEGAL),
    ("0x384 INFO", ILLEGAL),
    ("INFO", ILLEGAL),
    ("INFO 900", ILLEGAL),
    ("900", ILLEGAL),
    ("", ILLEGAL),
    ("900 OPTIONS", ILLEGAL),
    ("900 info", ILLEGAL),
    ("900 INFOS", ILLEGAL),
    ("900 INFO", LEGAL),
    ("899 INFO", ILLEGAL),
    ("1 INFO", ILLEGAL),
    ("0 INFO", ILLEGAL),
    ("0901  INFO", LEGAL),
    ("2147483646 INFO", LEGAL),
    ("2147483645 INFO", ILLEGAL),
]


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_numbers(network, topology):
    """Illegal numbers are not stored, stale ones lower nothing."""
    net = network(topology, scscf=ONE_WORKER)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net).connect()
    highest = 1
    for value, legal in NUMBERS:
        scene.caller.send(with_header(scene.call.build("INFO"), "CSeq", value))
        seen(scene)
        highest = int(value.split()[0]) if legal else highest
        assert cseqs(scene)[0] == highest, value
    to_callee, _ = released(scene, checked=False)
    assert to_callee.cseq == 2147483647


def test_zero(network):
    """0 is a number (RFC 3261 8.1.1.5): the BYE has 1."""
    scene = Scene(network(CALLING)).invite(cseq=0).ring().answer().confirm()
    scene.party.cseq = -1
    exchange(scene, "callee", "INFO")
    assert cseqs(scene) == (0, 0)
    to_callee, to_caller = released(scene)
    assert (to_callee.cseq, to_caller.cseq) == (1, 1)


def test_random_number(network):
    """Of a callee that sent nothing; no two are the same."""
    scene = Scene(network(CALLING))
    numbers = set()
    for _ in range(4):
        scene.connect()
        numbers.add(released(scene, checked=False)[1].cseq)
    assert len(numbers) == 4
    assert all(0 < number < 1 << 31 for number in numbers)


def test_retransmissions(network):
    """The same bytes again change nothing, whoever answered them meanwhile."""
    scene = Scene(network(CALLING, scscf=ONE_WORKER)).connect()
    sent = []
    for method in ("INFO", "UPDATE", "OPTIONS"):
        sent.append(scene.call.build(method, contact="<sip:%s@127.0.0.21>" % method))
        scene.caller.send(sent[-1])
        scene.callee.respond(scene.callee.receive(method), 200)
        scene.caller.receive(200)
    before = cseqs(scene)[0], targets(scene)
    for data in sent:
        scene.caller.send(data)
    seen(scene)
    assert (cseqs(scene)[0], targets(scene)) == before == (4, targets(scene))
    assert targets(scene)[0] == "sip:UPDATE@127.0.0.21"
    released(scene)


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_setup_is_retransmitted(network, topology):
    """Each message of the setup twice: one session, as if each had come once."""
    scene = Scene(network(topology))
    # tm, when the INVITE comes again before its 100 is out
    scene.scscf.expect_log("t_retransmit_reply")
    call = scene.call = scene.caller.invite(
        topology.called_impu, topology.caller_impu, topology.called_impu)
    scene.caller.send(call.invite.data)
    scene.offered = scene.callee.receive("INVITE")
    for code in (180, 180, 200, 200):
        scene.party = scene.callee.answer(scene.offered, code, "callee-one")
        call.establish(scene.caller.receive(code))
    ack = call.acknowledge()
    scene.callee.receive("ACK")
    scene.caller.send(ack.data)
    scene.callee.receive("ACK")
    assert scene.scscf.rpc("ims_release.list", "all", "*")["matched"] == 1
    assert (record(scene)["state"], cseqs(scene)) == ("confirmed", (1, 0))
    released(scene)
    assert scene.scscf.statistics()["byes_sent"] == 2


def test_other_invites_of_the_call(network):
    """Sent anew with credentials, or merged: the CSeq tells, each has its outcome."""
    scene = Scene(network(CALLING)).invite()
    scene.callee.respond(scene.offered, 407, tag="proxy")
    scene.call.acknowledge_failure(scene.caller.receive(407))
    scene.callee.receive("ACK")
    again = scene.call.request("INVITE")
    scene.offered = scene.callee.receive("INVITE")
    assert again.cseq == 2
    scene.answer().confirm()
    assert cseqs(scene) == (2, 0)
    to_callee, _ = released(scene, checked=False)
    assert to_callee.cseq == 3


OTHERS = [
    # what an outsider changes in the dialog of the caller: header, value
    ("From", "<sip:alice@ims.example>;tag=other"),
    ("From", "<sip:alice@ims.example>"),
    ("To", "<sip:bob@127.0.0.22>;tag=other"),
    ("From", "<sip:bob@127.0.0.22>;tag=callee-one"),
    ("To", "<sip:bob@127.0.0.22>;tag=ua-caller"),
    ("Call-ID", "UA-1@127.0.0.21"),
]


def test_other_dialogs(network):
    """Requests with the Call-ID but other tags change nothing."""
    net = network(CALLING, scscf=ONE_WORKER)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net).connect()
    for name, value in OTHERS:
        before = record(scene)
        for method in ("INFO", "UPDATE", "INVITE", "BYE"):
            data = scene.call.build(method, cseq=700, contact="<sip:evil@127.0.0.9>")
            scene.caller.send(with_header(data, name, value))
        seen(scene)
        after = record(scene)
        after["age"] = before["age"]
        after["callee"]["cseq"] -= 1
        assert after == before, (name, value)
        drop(scene, "INFO", "UPDATE", "INVITE", "BYE")
    released(scene, checked=False)


# -- remote targets ----------------------------------------------------------------

MOVED, STAYED = True, False
MOVES = [
    # whose request, method, answered, whether the targets of both sides move
    ("caller", "UPDATE", 200, MOVED),
    ("callee", "UPDATE", 200, MOVED),
    ("caller", "INVITE", 200, MOVED),
    ("callee", "INVITE", 200, MOVED),
    ("caller", "UPDATE", 488, STAYED),
    ("callee", "UPDATE", 504, STAYED),
    ("caller", "INVITE", 488, STAYED),
    ("callee", "INVITE", 603, STAYED),
    ("caller", "OPTIONS", 200, STAYED),
    ("callee", "INFO", 200, STAYED),
    ("caller", "REFER", 202, STAYED),
    ("callee", "NOTIFY", 200, STAYED),
    ("caller", "MESSAGE", 200, STAYED),
]


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_targets_move(network, topology):
    """By re-INVITE and UPDATE, request and response, and only with a 2xx."""
    scene = Scene(network(topology)).connect()
    at = {"caller": targets(scene)[0], "callee": targets(scene)[1]}
    assert at == {who: "sip:ua@" + topology.hostport(who) for who in at}
    for number, (who, method, code, moves) in enumerate(MOVES):
        other = {"caller": "callee", "callee": "caller"}[who]
        to = {who: "sip:step-%d@%s" % (number, topology.hostport(who))
              for who in at}
        exchange(scene, who, method, code, "<%s>" % to[who],
                 "<%s>;x=1" % to[other])
        at = to if moves else at
        assert targets(scene) == (at["caller"], at["callee"]), (who, method, code)
    released(scene)


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_target_moves_before_the_answer(network, topology):
    scene = Scene(network(topology)).invite().ring()
    exchange(scene, "caller", "UPDATE", 200, "<sip:early@127.0.0.21:5060>",
             "<sip:early@127.0.0.22:5060>")
    assert targets(scene) == ("sip:early@127.0.0.21:5060", "sip:early@127.0.0.22:5060")
    scene.party = scene.callee.answer(
        scene.offered, 200, "callee-one", contact="<sip:early@127.0.0.22:5060>")
    scene.caller.receive(200)
    scene.confirm()
    assert targets(scene) == ("sip:early@127.0.0.21:5060", "sip:early@127.0.0.22:5060")
    released(scene, checked=False)


def test_target_waits_for_the_answer(network):
    """Not by the request, not by a 1xx."""
    scene = Scene(network(CALLING)).connect()
    before = targets(scene)
    scene.call.request("INVITE", contact="<sip:later@127.0.0.21:5060>")
    asked = scene.callee.receive("INVITE")
    assert targets(scene) == before
    scene.callee.respond(asked, 183, headers=[("Contact", "<sip:b2@127.0.0.22:5060>")])
    scene.caller.receive(183)
    assert targets(scene) == before
    scene.callee.respond(asked, 200, headers=[("Contact", "<sip:b3@127.0.0.22:5060>")])
    scene.caller.receive(200)
    assert targets(scene) == ("sip:later@127.0.0.21:5060", "sip:b3@127.0.0.22:5060")


def test_old_answer_reverts_nothing(network):
    """A 2xx sent again, when the other side has moved on."""
    scene = Scene(network(CALLING)).connect()
    scene.call.request("INVITE", contact="<sip:a1@127.0.0.21:5060>")
    first = scene.callee.receive("INVITE")

    def answer_first():
        scene.callee.respond(first, 200, headers=[
            ("Contact", "<sip:b1@127.0.0.22:5060>")])
        scene.caller.receive(200)

    answer_first()
    scene.call.acknowledge()
    exchange(scene, "callee", "INVITE", 200, "<sip:b2@127.0.0.22:5060>",
             "<sip:a2@127.0.0.21:5060>")
    answer_first()
    scene.callee.answer(scene.offered, 200, "callee-one")
    scene.caller.receive(200)
    assert targets(scene) == ("sip:a2@127.0.0.21:5060", "sip:b2@127.0.0.22:5060")


NO_TARGETS = [
    "*", "", "<sip:broken@127.0.0.21", "sip:", "<>", ",,", '"open <sip:a@127.0.0.21>',
    "<sip:a@127.0.0.21>, <sip:b@127.0.0.21>", "\x01\x02", "<" + "a" * 3000 + ">",
]


def test_contacts_that_are_none(network):
    """They move nothing and do no harm; no Contact at all neither."""
    net = network(CALLING, scscf=ONE_WORKER)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net).connect()
    before = targets(scene)
    for value in NO_TARGETS + [None]:
        data = scene.call.build("UPDATE")
        scene.caller.send(with_header(data, "Contact", value))
        try:
            asked = scene.callee.receive("UPDATE", timeout=0.3)
        except AssertionError:
            continue
        scene.callee.respond(asked, 200, headers=[("Contact", value)] * bool(value))
        seen(scene)
        assert targets(scene) == before, value
    released(scene, checked=False)


# -- From and To --------------------------------------------------------------------

ALICE = "sip:alice@ims.example"
PARTIES = [
    # as sent, with its tag; as recorded and sent in the BYE, its tag apart
    ("<%s>;tag=T" % ALICE, "<%s>" % ALICE),
    ("%s;tag=T" % ALICE, "<%s>" % ALICE),
    ("%s;x=1;tag=T;y=2" % ALICE, "<%s>;x=1;y=2" % ALICE),
    ('"Alice" <%s>;x=1;tag=T;y' % ALICE, '"Alice" <%s>;x=1;y' % ALICE),
    ("Alice Liddell <%s>;tag=T" % ALICE, "Alice Liddell <%s>" % ALICE),
    ('"A. \\"Lice\\" \\\\" <%s>;tag=T' % ALICE, '"A. \\"Lice\\" \\\\" <%s>' % ALICE),
    ('"Ali > ce, <x>;tag=no" <%s>;tag=T' % ALICE,
     '"Ali > ce, <x>;tag=no" <%s>' % ALICE),
    ('"Älïcé 爱" <%s>;tag=T' % ALICE, '"Älïcé 爱" <%s>' % ALICE),
    ("<%s;tag=uri;x=1>;tag=T" % ALICE, "<%s;tag=uri;x=1>" % ALICE),
    ("<%s>;TAG=T" % ALICE, "<%s>" % ALICE),
    ("<%s>;Tag=T;Q=2" % ALICE, "<%s>;Q=2" % ALICE),
    ('<%s>;x="a;tag=b";tag=T' % ALICE, '<%s>;x="a;tag=b"' % ALICE),
    ("<%s>;xtag=1;tag=T;tagx=2" % ALICE, "<%s>;xtag=1;tagx=2" % ALICE),
    ("<%s> ; x = 1 ; tag = T" % ALICE, "<%s>; x = 1" % ALICE),
    ("Alice\r\n\t<%s>\r\n ;x=1\r\n ;tag=T" % ALICE, "Alice <%s>;x=1" % ALICE),
    ('""<%s>;tag=T' % ALICE, '""<%s>' % ALICE),
]


def plain(value):
    """White space that says nothing is left out."""
    return re.sub(r"\s+", " ", re.sub(r"\s+;", ";", value)).strip()


def offer(scene, from_, to, headers=()):
    """An INVITE with just those values."""
    scene.call = Dialog(
        scene.caller, local=from_, remote=to, call_id="party-%d" % next(COUNT),
        target=scene.topology.called_impu, routes=[], cseq=0,
        contact="<sip:ua@%s>" % scene.caller.hostport)
    scene.call.request("INVITE", headers=headers)
    scene.offered = scene.callee.receive("INVITE")
    return scene


COUNT = iter(range(1, 10 ** 6))


def test_callers_value_is_whole(network):
    """From of the INVITE, in the record and in both BYEs."""
    scene = Scene(network(CALLING))
    for sent, kept in PARTIES:
        offer(scene, sent, "<sip:bob@127.0.0.22:5060>").ring().answer().confirm()
        assert plain(record(scene)["from"]) == kept, sent
        to_callee, to_caller = released(scene, checked=False)
        assert plain(to_callee.get("From")) == kept + ";tag=T", sent
        assert to_caller.get("To") == to_callee.get("From")


def answer_to(scene, to="<sip:bob@127.0.0.22:5060>;tag=callee-one"):
    """The bytes of a 200 with that To."""
    kept = [header for header in scene.offered.headers if canonical(header[0]) in (
        "via", "record-route", "from", "call-id", "cseq")]
    return compose("SIP/2.0 200 OK", kept + [
        ("To", to), ("Contact", "<sip:ua@%s>" % scene.callee.hostport)])


def test_callees_value_is_whole(network):
    """To of the 200, in the record and in both BYEs."""
    scene = Scene(network(CALLING))
    for sent, kept in PARTIES:
        offer(scene, "<%s>;tag=A" % ALICE, "<sip:bob@127.0.0.22:5060>")
        scene.callee.send(answer_to(scene, sent))
        scene.call.confirm(scene.caller.receive(200))
        scene.callee.receive("ACK")
        assert plain(record(scene)["to"]) == kept, sent
        to_callee, to_caller = released(scene, checked=False)
        assert plain(to_callee.get("To")) == kept + ";tag=T", sent
        assert to_caller.get("From") == to_callee.get("To")


# -- Record-Route --------------------------------------------------------------------

EDGES = [
    # Record-Route lines of the INVITE as it comes in; the BYE's Route to the caller
    ([], []),
    (["<sip:127.0.0.21;lr>"], ["<sip:127.0.0.21;lr>"]),
    (["<sip:127.0.0.21;lr>,<sip:edge@127.0.0.5;lr;x=y>;p=1"],
     ["<sip:127.0.0.21;lr>", "<sip:edge@127.0.0.5;lr;x=y>;p=1"]),
    (['"Edge, <2>" <sip:127.0.0.21;lr=on>', "<sip:127.0.0.5;lr>;a=\"b,c\""],
     ['"Edge, <2>" <sip:127.0.0.21;lr=on>', '<sip:127.0.0.5;lr>;a="b,c"']),
    (["<sip:127.0.0.21;lr;r2=on>", "<sip:127.0.0.21;lr;r2=on>"],
     ["<sip:127.0.0.21;lr;r2=on>"] * 2),
    (["<sip:127.0.0.21;lr;n=%d>" % n for n in range(20)],
     ["<sip:127.0.0.21;lr;n=%d>" % n for n in range(20)]),
]


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_routes_of_an_edge(network, topology):
    """Those of the caller's side are the way to the caller, nearest to us first."""
    scene = Scene(network(topology))
    for lines, routes in EDGES:
        offer(scene, "<%s>;tag=A" % topology.caller_impu, "<%s>" % topology.called_impu,
              headers=[("Record-Route", line) for line in lines])
        scene.ring().answer()
        # his requests come to us from the edge
        scene.call.routes = scene.call.routes[len(routes):]
        shown = record(scene.confirm())
        assert shown["caller"]["routes"] == routes
        assert len(shown["callee"]["routes"]) == len(topology.forward) - 2
        _, to_caller = released(scene, checked=False)
        assert to_caller.values("Route") == routes


# -- whom it is about ----------------------------------------------------------------

USERS = [
    # parameter `served`, headers of the INVITE; side served, public identity
    ("auto", [], "orig", ALICE),
    ("auto", [("P-Asserted-Identity", "<sip:pai@ims.example>")], "orig",
     "sip:pai@ims.example"),
    ("auto", [("P-Asserted-Identity", '"A <b>" <sip:pai@ims.example>, <tel:+49>')],
     "orig", "sip:pai@ims.example"),
    ("auto", [("P-Asserted-Identity", "sip:pai@ims.example, tel:+49")], "orig",
     "sip:pai@ims.example"),
    ("auto", [("P-Served-User", "<sip:psu@ims.example>;sescase=orig;regstate=reg")],
     "orig", "sip:psu@ims.example"),
    ("auto", [("P-Served-User", "<sip:psu@ims.example>;sescase=term")], "term",
     "sip:psu@ims.example"),
    ("auto", [("P-Served-User", '"P" <sip:psu@ims.example> ; SESCASE = "TERM"')],
     "term", "sip:psu@ims.example"),
    ("auto", [("P-Served-User", "<sip:psu@ims.example>"),
              ("P-Asserted-Identity", "<sip:pai@ims.example>")], "orig",
     "sip:psu@ims.example"),
    ("orig", [("P-Served-User", "<sip:psu@ims.example>;sescase=term")], "orig",
     "sip:psu@ims.example"),
    ("orig", [], "orig", ALICE),
    ("term", [], "term", "sip:bob@127.0.0.22:5060"),
    ("term", [("P-Served-User", "<sip:psu@ims.example>;sescase=orig")], "term",
     "sip:psu@ims.example"),
]


@pytest.mark.parametrize("served", ["auto", "orig", "term"])
def test_user_when_the_script_does_not_say(case, host, served):
    net = adapted(case, host, CALLING, {SERVES: ";"}, scscf={
        "extra": 'modparam("ims_release", "served", "%s")\n' % served}).start()
    scene = Scene(net)
    for parameter, headers, side, impu in USERS:
        if parameter != served:
            continue
        scene.invite(headers=headers).ring().answer().confirm()
        shown = record(scene)
        assert (shown["served"], shown["impu"]) == (side, impu), headers
        to_callee, to_caller = released(scene, checked=False)
        serviced = to_callee if side == "orig" else to_caller
        assert [len(bye.values("Via")) for bye in (to_callee, to_caller)] \
            == [2 if bye is serviced else 1 for bye in (to_callee, to_caller)]


def test_called_user_when_the_script_does_not_say(case, host):
    """The second application server brings its P-Served-User back."""
    net = adapted(case, host, BOTH_AS, {SERVES: ";"}).start()
    scene = Scene(net).connect()
    assert record(scene)["served"] == "both"
    for impu in BOTH_AS.caller_impu, BOTH_AS.called_impu:
        assert net.scscf.rpc("ims_release.list", "impu", impu)["matched"] == 1, impu
    scene.release()
    scene.take_byes()


@pytest.mark.parametrize("served", ["auto", "term"])
def test_script_overrides(network, served):
    """What cfg/scscf.cfg says counts, whatever the parameter and the headers."""
    scene = Scene(network(CALLING, scscf={
        "extra": 'modparam("ims_release", "served", "%s")\n' % served}))
    scene.invite(headers=[("P-Served-User", "<sip:x@ims.example>;sescase=term")])
    assert (record(scene)["served"], record(scene)["impu"]) == ("orig", ALICE)


VECTORS = [
    # P-Charging-Vector, what is recorded
    (None, ""),
    ("icid-value=abc-1", "abc-1"),
    ('icid-value="abc 2"', "abc 2"),
    ("ICID-Value=abc3;icid-generated-at=192.0.2.1", "abc3"),
    ('icid-generated-at=192.0.2.1;icid-value="ab;c=4"', "ab;c=4"),
    ("icid-value = abc5 ;orig-ioi=home1.example", "abc5"),
    ("orig-ioi=home1.example", ""),
    ("icid-value=", ""),
    ("", ""),
]


def test_charging_id(network):
    scene = Scene(network(CALLING))
    for vector, icid in VECTORS:
        scene.invite(headers=[("P-Charging-Vector", vector)] * (vector is not None))
        assert record(scene)["icid"] == icid, vector
        scene.ring().answer().confirm()
        released(scene, checked=False)


# -- what is malformed ---------------------------------------------------------------

MALFORMED = [
    # header of an UPDATE of the caller, its value
    ("From", "<sip:alice@ims.example;tag=ua-caller"),
    ("From", '"open <sip:alice@ims.example>;tag=ua-caller'),
    ("From", ""),
    ("From", ";tag=ua-caller"),
    ("From", "<sip:alice@ims.example>;tag="),
    ("From", None),
    ("To", None),
    ("To", "<sip:bob@127.0.0.22>;tag=%s" % ("x" * 4000)),
    ("Call-ID", None),
    ("CSeq", None),
    ("Via", None),
    ("Via", "SIP/2.0/UDP"),
    ("Contact", "<sip:alice@[::1>"),
    ("Route", "<sip:"),
    ("Route", ",,,"),
]


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_malformed_requests(network, topology):
    """Each is refused or passed on; the record and the call stay as they were."""
    net = network(topology, scscf=ONE_WORKER)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net).connect()
    before = record(scene)
    for name, value in MALFORMED:
        for method in ("UPDATE", "BYE"):
            data = scene.call.build(method, cseq=1)
            scene.caller.send(with_header(data, name, value))
        seen(scene)
        after = record(scene)
        after["age"] = before["age"]
        after["callee"]["cseq"] = before["callee"]["cseq"]
        assert after == before, (name, value)
        drop(scene, "UPDATE", "BYE")
    released(scene, checked=False)


# A CSeq that cannot be stored for the dialog; the BYE's to the callee: what is highest,
# or any
UNSTORED = [("2147483647 INVITE", 2147483647), ("2147483648 INVITE", 2147483647),
            ("4294967295 INVITE", 2147483647), ("4294967296 INVITE", 2147483647),
            ("1x INVITE", None), ("-1 INVITE", None)]
LAST_STORED = 2147483646


def odd_offer(scene, *headers, cseq=None):
    """An INVITE with a CSeq as it is, and headers; None when it is not relayed."""
    scene.call = Dialog(
        scene.caller, local="<%s>;tag=ua-caller" % scene.topology.caller_impu,
        remote="<%s>" % scene.topology.called_impu, call_id="odd-%d" % next(COUNT),
        target=scene.topology.called_impu, routes=[], cseq=0,
        contact="<sip:ua@%s>" % scene.caller.hostport)
    scene.call.cseq = 1
    data = scene.call.build("INVITE", cseq=1, headers=headers)
    data = with_header(data, "CSeq", cseq) if cseq else data
    scene.caller.send(data)
    scene.call.invite = Message(data)
    scene.offered = maybe(scene.callee, "INVITE", 0.5)
    return scene.offered


def acknowledged(scene, cseq):
    """The caller's ACK, with the INVITE's number."""
    ack = scene.call.build("ACK", cseq=1)
    scene.caller.send(with_header(ack, "CSeq", cseq.replace("INVITE", "ACK")))
    scene.callee.receive("ACK")


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_number_that_cannot_be_stored(network, topology):
    """The session is, and both users are told: with a legal number of our own."""
    net = network(topology, scscf=ONE_WORKER)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net)
    relayed = []
    for cseq, highest in UNSTORED:
        if not odd_offer(scene, cseq=cseq):
            continue
        relayed.append(cseq)
        assert record(scene)["caller"]["cseq"] == (LAST_STORED if highest else 0)
        scene.ring().answer()
        acknowledged(scene, cseq)
        scene.await_state("confirmed")
        exchange(scene, "callee", "INFO")
        to_callee, to_caller = released(scene, checked=False)
        assert highest in (to_callee.cseq, None), cseq
        assert 0 < to_callee.cseq < 1 << 31
        assert to_caller.cseq == scene.party.cseq + 1
    # what is no number Kamailio itself may refuse
    assert [cseq for cseq, highest in UNSTORED if highest] == relayed[:4]
    assert net.scscf.statistics()["refused_sessions"] == 0


def many_routes(count):
    return [("Record-Route", "<sip:10.0.0.%d;lr>" % number) for number in range(count)]


ODD_INVITES = [
    # what is to be released before anybody answers: CSeq, Record-Routes
    ("2147483647 INVITE", []), ("4294967296 INVITE", []),
    (None, many_routes(32)), (None, many_routes(40)),
]


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_odd_invites_are_cancelled(network, topology):
    """While it rings nothing of that is needed: CANCEL and a final response."""
    net = network(topology, scscf=ONE_WORKER)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net)
    for cseq, headers in ODD_INVITES:
        assert odd_offer(scene, *headers, cseq=cseq), (cseq, headers)
        scene.ring().release()
        scene.caller.receive(503)
        cancel = scene.callee.receive("CANCEL")
        assert cancel.branch == scene.offered.branch
        scene.callee.respond(cancel, 200, tag="callee-one")
        scene.callee.respond(scene.offered, 487, tag="callee-one")
        scene.callee.receive("ACK")
        assert scene.report()["released"] == 1
    assert net.scscf.statistics()["refused_sessions"] == 0


@pytest.mark.parametrize("cseq", [2147483647, 4294967290])
def test_late_answer_to_an_odd_number(network, cseq):
    """Its ACK has the INVITE's number, whatever it is; the BYE a legal one."""
    net = network(CALLING, scscf=ONE_WORKER)
    scene = Scene(net)
    assert odd_offer(scene, cseq="%d INVITE" % cseq)
    scene.ring().release()
    scene.caller.receive(503)
    scene.callee.respond(scene.callee.receive("CANCEL"), 200, tag="callee-one")
    scene.callee.send(answer_to(scene))
    assert scene.callee.receive("ACK").cseq == cseq
    bye = scene.callee.receive("BYE")
    assert bye.cseq == 2147483647
    scene.callee.respond(bye, 200)
    scene.caller.silent(0.2)


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_routes_that_the_answer_has_not(network, topology):
    """Of too many Record-Routes the callee's answer has ours alone: it is found."""
    net = network(topology, scscf=ONE_WORKER)
    scene = Scene(net)
    assert odd_offer(scene, *many_routes(40))
    scene.callee.send(re.sub(
        rb"Record-Route: <sip:10\..*?\r\n", b"", answer_to(scene)))
    scene.call.confirm(scene.caller.receive(200))
    scene.callee.receive("ACK")
    to_callee, to_caller = released(scene, checked=False)
    assert scene.report()["released"] == 1
    assert not to_callee.values("Route") and not to_caller.values("Route")


REFUSED = [
    # an INVITE of which no session can be kept: header, value; what the log says
    ("From", '"%s" <sip:alice@ims.example>;tag=ua-caller' % ("N" * 8200),
     "From or To malformed or above 8192 bytes"),
    ("Contact", "<sip:alice@127.0.0.21;x=%s>" % ("y" * 33000),
     "more than 32768 bytes of text"),
]


def test_refused_sessions(network):
    """Each is logged with its Call-ID and why, and counted; the call goes on."""
    net = network(CALLING, scscf=ONE_WORKER)
    net.scscf.expect_log("session not recorded: ")
    scene = Scene(net)
    # Kamailio 6 itself takes no datagram as long as the last one
    refused = REFUSED[:-1] if "kamailio 6" in str(net.scscf.rpc("core.version")) \
        else REFUSED
    for count, (name, value, why) in enumerate(refused, 1):
        time.sleep(1.1)     # a line a second
        scene.call = Dialog(
            scene.caller, local="<%s>;tag=ua-caller" % ALICE,
            remote="<%s>" % scene.topology.called_impu, call_id="not-%d" % count,
            target=scene.topology.called_impu, routes=[],
            contact="<sip:ua@%s>" % scene.caller.hostport)
        scene.caller.send(with_header(scene.call.build("INVITE"), name, value))
        scene.offered = scene.callee.receive("INVITE")
        assert net.scscf.statistics()["refused_sessions"] == count
        assert net.scscf.log_lines(
            "session not recorded: %s, Call-ID not-%d$" % (why, count))
        scene.callee.send(answer_to(scene))
        scene.caller.receive(200)
        assert net.scscf.fault("ims_release.show", "callid", scene.call_id) == 404


BAD_ANSWERS = [
    # header lines added to the 200 in place of its own, by name
    ("Record-Route", "<sip:127.0.0.1;lr"),
    ("Record-Route", ""),
    ("Record-Route", "rubbish"),
    ("Contact", "<sip:bob@127.0.0.22"),
    ("Contact", "*"),
    ("To", '"open <sip:bob@127.0.0.22>;tag=callee-one'),
]


def test_malformed_answers(network):
    """A 200 that cannot be a dialog's: the call is set up all the same, and ends.

    No BYE of ours is possible. The record is left to the sweep.
    """
    net = network(CALLING, scscf=ONE_WORKER)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    net.scscf.expect_log("2xx not recorded as a whole")
    scene = Scene(net)
    for name, value in BAD_ANSWERS:
        offer(scene, "<%s>;tag=A" % ALICE, "<sip:bob@127.0.0.22:5060>")
        answer = answer_to(scene)
        good = Message(answer)
        scene.callee.send(with_header(answer, name, value))
        try:
            scene.caller.receive(200, timeout=0.4)
        except AssertionError:
            # not passed on: the callee says it once more, well-formed
            scene.callee.send(answer)
            scene.caller.receive(200)
        scene.call.confirm(good)
        scene.callee.receive("ACK")
        scene.call.request("BYE")
        scene.callee.respond(scene.callee.receive("BYE"), 200)
        scene.caller.receive(200)
        net.empty()
    assert scene.scscf.statistics()["byes_sent"] == 0


UNUSABLE = [
    # Contacts that Kamailio relays and that no Request-URI can be made of
    "<sip:ua@HOST SIP/2.0\r\n X-Injected: 1\r\n Y: >",
    "<sip:ua@HOST;x=1\r\n ;y=2>",
    "<sip:ua@HOST;x=a\rX-Injected: 1>",
    "<sip:ua@HOST;x=a SIP/2.0 b>",
    "<sip:ua@HOST;x=a\tb>",
    "<sip:ua@HOST;x=\u00e9>",
    "<sip:ua@HOST;x={y}>",
    "<sip:ua@HOST;x=\"y\">",
]


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_contact_that_is_no_target(network, side):
    """Nothing of it goes over the wire: that leg fails, the other has its BYE."""
    net = network(CALLING)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    net.scscf.expect_log("no BYE to the %s can be sent" % side)
    scene = Scene(net)
    bad, other = scene.sides(side)[1:]
    for contact in UNUSABLE:
        contact = contact.replace("HOST", bad.hostport)
        scene.invite(contact=contact if side == "caller" else None)
        scene.party = scene.callee.answer(
            scene.offered, 200, contact=contact if side == "callee" else None)
        scene.call.establish(scene.caller.receive(200))
        scene.call.target = "sip:ua@%s" % scene.callee.hostport
        scene.confirm()
        assert record(scene)[side]["contact"] == "", contact
        scene.release()
        scene.take_bye(other)
        report = scene.report()
        assert (report["released"], report["failed"]) == (0, 1), contact
        assert {"leg": side, "code": 503, "count": 1} in report["codes"]
        bad.silent(0.05)
        net.empty()
    lines = net.scscf.log_lines("no BYE to the %s can be sent" % side)
    assert len(lines) == len(UNUSABLE)


def test_moved_to_no_target(network):
    """Such a Contact of a target refresh leaves the target where it was."""
    scene = Scene(network(CALLING, scscf=ONE_WORKER)).connect()
    before = targets(scene)
    for contact in UNUSABLE:
        contact = contact.replace("HOST", scene.caller.hostport)
        exchange(scene, "caller", "UPDATE", asks=contact, answers=contact)
        assert targets(scene) == before, contact
    released(scene, checked=False)


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_contact_with_headers(network, topology):
    """Its headers and its method have no place in a Request-URI (RFC 3261 19.1.1); a '?'
    of the user part has."""
    scene = Scene(network(topology))
    at = {who: "sip:u?a@" + topology.hostport(who) for who in ("caller", "callee")}
    odd = {who: uri + ";method=INVITE;x=1?Route=%3Csip:127.0.0.9;lr%3E&Reason=x"
           for who, uri in at.items()}
    scene.invite(contact="<%s>" % odd["caller"])
    scene.party = scene.callee.answer(
        scene.offered, 200, contact="<%s>" % odd["callee"])
    scene.call.establish(scene.caller.receive(200))
    scene.call.target = at["callee"]
    scene.confirm()
    assert targets(scene) == (odd["caller"], odd["callee"])
    scene.release()
    byes = scene.take_byes()
    assert [bye.uri for bye in byes] == [at["callee"] + ";x=1", at["caller"] + ";x=1"]
    scene.over()
