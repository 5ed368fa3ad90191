# SPDX-License-Identifier: GPL-2.0-or-later
"""What a script can do: functions in every route, KEMI, event routes, $imsrel(name).
"""

import json
import re
import shutil
import time

import pytest

from rig.case import BUILD, ROOT
from rig.crowd import Crowd
from rig.network import (BOTH_AS, CALLED, CALLED_AS, CALLING, CALLING_AS, HOME,
                         Network)
from rig.pair import check_pair
from rig.process import RigError, wait_until
from rig.raw import (CAUSE, TAG, TEXT, THIRD, Scene, check_reason, drain,
                     live_records, maybe)
from rig.ua import Dialog, UserAgent, compose
from rig.variant import OTHERS_COMPLAIN, SERVES, adapted

ALICE = "sip:alice@" + HOME
BAD_ARGUMENT = r"ERROR: ims_release \[script\.c"


def policy(code, more=""):
    """An S-CSCF that runs that code for each request before it is relayed."""
    return {"defines": {"WITH_SITE_POLICY": True},
            "extra": "route[SITE_POLICY] {\n%s\n}\n%s" % (code, more)}


def cases(calls):
    """Code: each call when the header X-Do names its number, its result logged."""
    return "\n".join(
        'if($hdr(X-Do) == "%d") { %s; xlog("L_NOTICE", "%d gave $rc\\n"); }'
        % (number, call, number) for number, call in enumerate(calls))


def said(kamailio, what):
    """What the script wrote behind that word."""
    return [re.search(what + r" (\S+)", line).group(1)
            for line in kamailio.log_lines(what + " ")]


def gave(net, number):
    """What that call returned."""
    lines = wait_until(lambda: net.scscf.log_lines(r"\b%d gave " % number), 3)
    return int(lines[0].split()[-1])


def ask(scene, number, method="INFO"):
    """A request that has the script do that; it is answered by whom it reaches."""
    dialog, asker, asked = scene.sides("caller")
    dialog.request(method, headers=[("X-Do", str(number))])
    request = maybe(asked, method, 2)
    if request:
        asked.respond(request, 200)


# -- ims_release() ---------------------------------------------------------------------

RELEASES = [
    # call, what it gives, Reason of the BYEs (None: nothing is released)
    ('ims_release(480, "By script")', 1, (480, "By script")),
    ('ims_release("480", "$hdr(X-Text)")', 1, (480, 'with "quotes"')),
    ("ims_release(486)", 1, (486, "Released by the network")),
    ('$var(c) = 603; ims_release("$var(c)", "$ci")', 1, (603, "CALL")),
    ('ims_release(480, "one"); ims_release(486, "two")', 1, (480, "one")),
    ("ims_release(100)", -2, None),
    ("ims_release(201)", -2, None),
    ("ims_release(700)", -2, None),
    ("ims_release(-1)", -2, None),
    ('ims_release("$var(nothing)")', -2, None),
    ('ims_release("$hdr(X-Text)")', -2, None),
    ('ims_release(480, "two\\r\\nlines")', -2, None),
    ('$var(t) = "%s"; ims_release(480, "$var(t)")' % ("x" * 129), -2, None),
]


def test_release_function(network):
    """Results and arguments, constant and variable."""
    net = network(CALLING, scscf=policy(cases(call for call, _, _ in RELEASES)))
    net.scscf.expect_log(BAD_ARGUMENT + "|Could not convert PV to int")
    scene = Scene(net)
    for number, (call, result, reason) in enumerate(RELEASES):
        scene.connect()
        scene.call.request("INFO", headers=[
            ("X-Do", str(number)), ("X-Text", 'with "quotes"')])
        scene.callee.respond(scene.callee.receive("INFO"), 200)
        assert gave(net, number) == result, call
        if not reason:
            assert scene.state() == "confirmed", call
            scene.release()
        cause, text = reason or (CAUSE, TEXT)
        for ua in (scene.callee, scene.caller):
            bye = ua.receive("BYE")
            check_reason(bye, cause, text.replace("CALL", scene.call_id))
            ua.respond(bye, 200)
        wait_until(lambda: not live_records(net.scscf), 3, "it is over")
        maybe(scene.caller, 200)
    assert len(net.scscf.log_lines(BAD_ARGUMENT)) == sum(
        result == -2 for _, result, _ in RELEASES)


def test_release_without_a_session(network):
    """A request of no session, and one of a session that is over."""
    net = network(CALLING, scscf=policy(
        cases(['ims_release(480, "x")'] * 2),
        'modparam("ims_release", "answer_481", 0)\n'))
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net)
    lone = Dialog(scene.caller, local="<%s>;tag=lone" % ALICE, call_id="lone",
                  remote="<%s>" % CALLING.called_impu, target=CALLING.called_impu,
                  routes=[], contact="<sip:ua@127.0.0.21>")
    lone.request("MESSAGE", headers=[("X-Do", "0")])
    scene.callee.respond(scene.callee.receive("MESSAGE"), 200)
    scene.caller.receive(200)
    assert gave(net, 0) == -1
    scene.connect().release()
    scene.take_byes()
    scene.report()
    ask(scene, 1)
    assert gave(net, 1) == -1


ROUTES = {
    # where, how it is armed, the route, the code with which the callee answers
    "request": ('ims_release(480, "R");', "", 200),
    "branch": ('t_on_branch("B");', 'branch_route[B] { ims_release(480, "R"); }', 200),
    "reply": ('t_on_reply("B");', 'onreply_route[B] { ims_release(480, "R"); }', 200),
    "failure": ('t_on_failure("B");', 'failure_route[B] { ims_release(480, "R"); }',
                500),
    "branch-failure": (
        't_on_branch_failure("B");',
        'event_route[tm:branch-failure:B] { ims_release(480, "R"); }', 500),
    "by-in-failure": (
        't_on_failure("B");',
        'failure_route[B] { ims_release_by("callid", "$ci", 480, "R"); }', 500),
}


@pytest.mark.parametrize("where", ROUTES)
@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_release_in_each_route(network, topology, where):
    """The session of the message at hand, whose transaction ends as it would."""
    armed, route, code = ROUTES[where]
    scene = Scene(network(topology, scscf=policy(
        'if(is_method("INFO")) { %s }' % armed, route))).connect()
    scene.call.request("INFO")
    scene.callee.respond(scene.callee.receive("INFO"), code)
    scene.caller.receive(code)
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE")
        check_reason(bye, 480, "R")
        ua.respond(bye, 200)
    scene.nothing_left()
    wire = scene.wire()
    assert len([b for b in wire.requests("BYE") if len(b.values("Via")) == 1]) == 2


@pytest.mark.parametrize("topology", [CALLING_AS, CALLED_AS], ids=str)
def test_release_on_the_first_pass(network, topology):
    """Bad calls change nothing, the first good one counts; on its next pass the request
    meets a session that is being released, as any other would.
    """
    scene = Scene(network(topology, scscf=policy("""
        if(is_method("INFO")) {
            ims_release(99);
            xlog("L_NOTICE", "cause gave $rc\\n");
            ims_release(403, "line\\r\\nX-Evil: 1");
            xlog("L_NOTICE", "text gave $rc\\n");
            ims_release("403", "Barred");
            xlog("L_NOTICE", "first gave $rc\\n");
            ims_release(480);
            xlog("L_NOTICE", "second gave $rc\\n");
        }"""))).connect()
    scene.scscf.expect_log(BAD_ARGUMENT)
    scene.call.request("INFO")
    scene.caller.receive(481)
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE")
        check_reason(bye, 403, "Barred")
        ua.respond(bye, 200)
    scene.nothing_left()
    for what, result in {"cause": "-2", "text": "-2", "first": "1", "second": "1"}.items():
        assert said(scene.scscf, what + " gave") == [result]
    check_pair(scene.wire(), topology, scene.call_id, 403, "Barred")
    assert scene.scscf.statistics()["released"] == 1


EARLY = {
    # where, how it is armed, the route, how the callee answers the INVITE
    "request": ('ims_release(486, "R");', "", None),
    "branch": ('t_on_branch("B");', 'branch_route[B] { ims_release(486, "R"); }', None),
    "reply": ('t_on_reply("B");', 'onreply_route[B] { ims_release(486, "R"); }', 180),
    "failure": ('t_on_failure("B");', 'failure_route[B] { ims_release(486, "R"); }',
                600),
}


@pytest.mark.parametrize("where", EARLY)
def test_release_of_an_invite(network, where):
    """An initial INVITE is ended from the route that handles it: one final response."""
    armed, route, code = EARLY[where]
    net = network(CALLING, scscf=policy(
        'if(is_method("INVITE") && !has_totag()) { %s }' % armed, route))
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net)
    topology = net.topology
    scene.call = scene.caller.invite(
        topology.called_impu, topology.caller_impu, topology.called_impu)
    offered = maybe(scene.callee, "INVITE", 1)
    if offered and code:
        scene.callee.respond(offered, code, tag=TAG)
    elif offered:
        scene.callee.respond(offered, 180, tag=TAG)
    if offered and code != 600:
        cancel = scene.callee.receive("CANCEL")
        scene.callee.respond(cancel, 200, tag=TAG)
        scene.callee.respond(offered, 487, tag=TAG)
    final = wait_until(lambda: maybe(scene.caller, 486) or maybe(scene.caller, 600), 3)
    scene.call.acknowledge_failure(final)
    assert where == "failure" or final.code == 486
    wait_until(lambda: not live_records(net.scscf), 3, "no session is left")
    assert not maybe(scene.caller, 600, 0.1) and not maybe(scene.caller, 487, 0.1)


IN_THE_BRANCH = policy(
    'if(is_method("INVITE") && !has_totag()) { t_on_branch("B"); }',
    'branch_route[B] { ims_release(486, "R"); }\n')


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=["branch", "branches"])
def test_provisional_response_crosses_the_cancel(network, topology):
    """A callee rings while the INVITE is being ended: it gets its CANCEL."""
    net = network(topology, scscf=IN_THE_BRANCH)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    caller, callees = net.agent("caller"), [net.agent("callee")]
    if topology is CALLED:
        net.bind(topology.called_impu, "sip:bob@%s:5060" % THIRD)
        callees.append(UserAgent(net.case, (THIRD, 5060), net.address("scscf")))
    missed = []
    for number in range(60):
        call = caller.invite(topology.called_impu, topology.caller_impu,
                             topology.called_impu)
        # not offered when the release was faster
        offers = [(ua, maybe(ua, "INVITE", 0.05)) for ua in callees]
        for ua, offered in offers:
            if offered:
                ua.respond(offered, 180, tag=TAG)
        for ua, offered in offers:
            if not offered:
                continue
            cancel = maybe(ua, "CANCEL", 0.4)
            if cancel:
                ua.respond(cancel, 200, tag=TAG)
            missed += [number] * (not cancel)
            ua.respond(offered, 487, tag=TAG)
            ua.receive("ACK")
            maybe(ua, "INVITE")
        call.acknowledge_failure(caller.receive(486))
        maybe(caller, 180)
    assert not missed


def test_release_overtaken_by_the_final_response(network):
    """tm gives the caller up before the release is seen to: a 2xx is late all the same."""
    timers = 'modparam("tm", "fr_timer", 300)\nmodparam("tm", "wt_timer", 200)\n'
    scene = Scene(network(CALLING, scscf={
        **IN_THE_BRANCH, "extra": timers + IN_THE_BRANCH["extra"]}))
    with scene.scscf.paused():
        scene.invite()
        scene.call.acknowledge_failure(scene.caller.receive(408))
        drain((scene.callee, "INVITE"))
    scene.party = scene.callee.answer(scene.offered, 200, TAG)
    ack, bye = scene.callee.receive("ACK"), scene.callee.receive("BYE")
    assert (ack.cseq, bye.cseq) == (scene.offered.cseq, scene.offered.cseq + 1)
    assert "<%s>" % bye.uri == scene.party.contact
    check_reason(bye, 486, "R")
    scene.callee.respond(bye, 200)
    assert not maybe(scene.caller, 200, 0.2)
    scene.no_record_left()


@pytest.mark.parametrize("ahead", range(3))
def test_route_in_another_worker(network, ahead):
    """The failure route of one call runs where another call's INVITE was the last.

    Each of the two sockets has one worker. Workers count their messages each for
    itself, so both INVITEs may have the same number, or one of them the next.
    """
    net = network(CALLING, scscf={
        **policy('t_on_failure("B");', 'failure_route[B] { ims_release(480, "R"); }'),
        "substs": {"WORKERS": 1},
        "listen": ["udp:127.0.0.1:5060", "udp:127.0.0.1:5080"]})
    net.scscf.expect_log(OTHERS_COMPLAIN)
    caller, callee = net.agent("caller"), net.agent("callee")
    topology = net.topology

    def invite(port, call_id):
        caller.remote = "127.0.0.1", port
        call = caller.invite(topology.called_impu, topology.caller_impu,
                             topology.called_impu, call_id=call_id)
        return call, callee.receive("INVITE")

    for _ in range(ahead):
        caller.send(b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n")
    failing, offered = invite(5060, "failing")
    _, waiting = invite(5080, "other")
    callee.remote = "127.0.0.1", 5080
    callee.respond(offered, 486, tag=TAG)
    failing.acknowledge_failure(wait_until(
        lambda: maybe(caller, 486) or maybe(caller, 480), 3))
    callee.receive("ACK")
    shown = net.scscf.rpc("ims_release.show", "callid", "other")
    assert shown["state"] == "early"
    wait_until(lambda: net.scscf.log_lines("release of Call-ID failing starts"), 3)
    callee.silent(0.1)
    assert not net.scscf.log_lines("release of Call-ID other starts")
    callee.respond(waiting, 600, tag=TAG)


# -- ims_release_by() ------------------------------------------------------------------

SELECTED = [
    # call, what it gives, how many of the three sessions it releases
    ('ims_release_by("all", "*", 480, "x")', 1, 3),
    ('ims_release_by("impu", "$fu", 480)', 1, 3),
    ('ims_release_by("callid", "$hdr(X-Other)", "480", "x")', 1, 1),
    ('ims_release_by("state", "confirmed", 480, "x")', 1, 3),
    ('ims_release_by("contact", "sip:ua@127.0.0.22:5060", 480, "x")', 1, 3),
    ('ims_release_by("callid", "none", 480, "x")', -1, 0),
    ('ims_release_by("state", "early", 480, "x")', -1, 0),
    ('ims_release_by("colour", "red", 480, "x")', -2, 0),
    ('ims_release_by("all", "all", 480, "x")', -2, 0),
    ('ims_release_by("all", "*", 100, "x")', -2, 0),
    ('ims_release_by("all", "*", 480, "a\\nb")', -2, 0),
    ('ims_release_by("impu", "", 480, "x")', -2, 0),
]


def test_release_by_function(network):
    """As the RPC; several sessions are a job that the RPC shows."""
    net = network(CALLING, scscf=policy(cases(call for call, _, _ in SELECTED)))
    net.scscf.expect_log(BAD_ARGUMENT)
    scene = Scene(net)
    missing = 3
    for number, (call, result, count) in enumerate(SELECTED):
        for _ in range(missing):
            scene.connect()
        others = [entry["callid"] for entry in live_records(net.scscf)]
        other = next(one for one in others if one != scene.call_id)
        scene.call.request("INFO", headers=[
            ("X-Do", str(number)), ("X-Other", other)])
        scene.callee.respond(scene.callee.receive("INFO"), 200)
        assert gave(net, number) == result, call
        for _ in range(count):
            for ua in (scene.callee, scene.caller):
                bye = ua.receive("BYE")
                ua.respond(bye, 200)
        wait_until(lambda: len(live_records(net.scscf)) == 3 - count, 3)
        missing = count
        maybe(scene.caller, 200)
        if count and number:
            last = net.scscf.rpc("ims_release.jobs")[0]
            assert "matched %d released %d" % (count, count) in last
    scene.callee.silent(0.1)


# -- ims_release_serve() ---------------------------------------------------------------


@pytest.mark.parametrize("topology, served, impu", [
    (CALLING, "orig", "sip:orig@x"), (CALLING_AS, "orig", "sip:orig@x"),
    (CALLED, "term", "sip:term@x"), (CALLED_AS, "term", "sip:term-done@x"),
    (BOTH_AS, "both", "sip:orig@x")], ids=str)
def test_serve_on_every_pass(case, host, topology, served, impu):
    """orig keeps the first pass that said so, term the last."""
    net = adapted(case, host, topology, {
        r'"\$var\(impu\)"\);': '"sip:$var(pass)@x"); xlog("L_NOTICE", "gave $rc\\n");'
    }).start()
    scene = Scene(net).connect()
    shown = net.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert (shown["served"], shown["impu"]) == (served, impu)
    passes = topology.forward.count("scscf")
    assert [line.split()[-1] for line in net.scscf.log_lines("gave ")] == ["1"] * passes
    scene.release()
    scene.take_byes()
    scene.over()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)


SERVE = [
    # instead of the script's call, headers of the INVITE; result, served, identity
    ('ims_release_serve("orig");', [], 1, "orig", ALICE),
    ('ims_release_serve("orig");', [("P-Asserted-Identity", "<sip:p@x>")], 1, "orig",
     "sip:p@x"),
    ('ims_release_serve("orig", "$fu;x=$rU");', [], 1, "orig", ALICE + ";x=bob"),
    ('ims_release_serve("orig", "");', [], 1, "orig", ALICE),
    ('ims_release_serve("term", "sip:t@x");', [], 1, "term", "sip:t@x"),
    ('ims_release_serve("term");', [], 1, "term", "sip:bob@127.0.0.22:5060"),
    ('ims_release_serve("$hdr(X-Side)", "sip:v@x");', [("X-Side", "term")], 1, "term",
     "sip:v@x"),
    ('ims_release_serve("both", "sip:t@x");', [], -1, "orig", ALICE),
    ('ims_release_serve("$hdr(X-None)");', [], -1, "orig", ALICE),
    ('ims_release_serve("ORIG");', [], -1, "orig", ALICE),
]


def test_serve_arguments(case, host):
    branches = "".join(
        'if($hdr(X-Do) == "%d") { %s xlog("L_NOTICE", "%d gave $rc\\n"); }\n'
        % (number, row[0], number) for number, row in enumerate(SERVE))
    net = adapted(case, host, CALLING, {SERVES: branches}).start()
    net.scscf.expect_log(BAD_ARGUMENT)
    scene = Scene(net)
    for number, (call, headers, result, side, impu) in enumerate(SERVE):
        scene.invite(headers=headers + [("X-Do", str(number))])
        shown = net.scscf.rpc("ims_release.show", "callid", scene.call_id)
        assert (gave(net, number), shown["served"], shown["impu"]) \
            == (result, side, impu), call
        scene.ring().answer().confirm().release()
        scene.take_byes()
        scene.report()


def test_serve_where_there_is_nothing_to_serve(network):
    """Within a dialog, for another method, and where nothing is tracked: -1."""
    net = network(CALLING, scscf=policy(cases(['ims_release_serve("term", "x")'] * 2)))
    scene = Scene(net).connect()
    ask(scene, 0)
    assert gave(net, 0) == -1
    shown = net.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert (shown["served"], shown["impu"]) == ("orig", ALICE)


# -- ims_release_is_own() --------------------------------------------------------------

TELLS = {r"if\(!ims_release_is_own\(\)\) \{\s*route\(CHECK\);\s*\}":
         'if(ims_release_is_own()) { xlog("L_NOTICE", "own $rm\\n"); }'
         ' else { xlog("L_NOTICE", "foreign $rm\\n"); }'}


@pytest.mark.parametrize("topology", [CALLING, CALLED, CALLING_AS, CALLED_AS, BOTH_AS],
                         ids=str)
def test_own_on_every_pass(case, host, topology):
    """Nothing else is: not the requests of the call, not a user's BYE."""
    net = adapted(case, host, topology, TELLS).start()
    scene = Scene(net).connect()
    scene.within("caller", "INFO").within("callee", "INFO").release()
    scene.take_byes()
    scene.over()
    scene.connect()
    scene.call.request("BYE")
    scene.callee.respond(scene.callee.receive("BYE"), 200)
    scene.caller.receive(200)
    passes = topology.forward.count("scscf")
    own = [line.split()[-1] for line in net.scscf.log_lines("own ")]
    assert own == ["BYE"] * passes
    foreign = [line.split()[-1] for line in net.scscf.log_lines("foreign ")]
    assert foreign.count("BYE") == passes


def imitation(bye, **changes):
    """The bytes of a BYE, with other values of some headers."""
    kept = [header for header in bye.headers if header[0] not in changes]
    return compose(bye.start_line, list(changes.items()) + [
        header for header in kept if header[0] not in ("Route", "Content-Length")])


@pytest.mark.parametrize("answers", [0, 1])
def test_imitations(case, host, answers):
    """Same Call-ID, tags and CSeq, from elsewhere, with branches of all kinds."""
    net = adapted(case, host, CALLING, TELLS, scscf={
        # and no BYE is sent again meanwhile
        "extra": 'modparam("ims_release", "answer_481", %d)\n'
                 'modparam("tm", "retr_timer1", 4000)\n' % answers}).start()
    net.scscf.expect_log(OTHERS_COMPLAIN)
    outsider = UserAgent(case, ("127.0.0.23", 5060), net.address("scscf"))
    scene = Scene(net).connect().release()
    stale = scene.take_byes()[0].values("Via")[1]
    scene.over()
    scene.connect()
    scene.release()
    ours, other = scene.callee.receive("BYE"), scene.caller.receive("BYE")
    owns = len(net.scscf.log_lines("own "))
    here = "SIP/2.0/UDP 127.0.0.23:5060;branch=z9hG4bK"
    branch = re.search("branch=z9hG4bK([^;]+)", ours.values("Via")[1]).group(1)
    vias = [
        here + "-made-up",
        here + "-made-up, " + stale,
        stale,
        here + "-x, " + ours.values("Via")[0],
        here + branch[:-1],
        here + branch + "0",
        here + "x, SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK" + branch[:-2],
    ]
    for via in vias:
        outsider.send(imitation(ours, Via=via))
    time.sleep(0.3)
    assert len(net.scscf.log_lines("own ")) == owns
    # our own branch, seen by the callee, in what it sends the other way
    scene.callee.send(imitation(
        ours, From=ours.get("To"), To=ours.get("From"),
        Via=scene.callee.via()[1] + ", " + ours.values("Via")[1]))
    time.sleep(0.2)
    assert len(net.scscf.log_lines("own ")) == owns
    for ua, bye in ((scene.callee, ours), (scene.caller, other)):
        ua.respond(bye, 200)


def test_imitation_that_is_relayed(case, host):
    """Along the Routes of the caller it comes to the callee: as anybody's, not ours."""
    net = adapted(case, host, CALLING, TELLS, scscf={
        "extra": 'modparam("ims_release", "answer_481", 0)\n'}).start()
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net).connect().release()
    bye = scene.callee.receive("BYE")
    outsider = UserAgent(case, ("127.0.0.23", 5060), net.address("scscf"))
    kept = [header for header in bye.headers if header[0] not in ("Via", "Content-Length")]
    routes = [("Route", route) for route in scene.call.routes]
    stale = re.sub("branch=z9hG4bK[^.]*", "branch=z9hG4bKffff", bye.get("Via"))
    for below in ([], [("Via", stale)], [("Via", bye.values("Via")[0])]):
        outsider.send(compose(
            bye.start_line, [outsider.via()] + below + routes + kept))
        scene.callee.respond(scene.callee.receive("BYE"), 481)
        outsider.receive(481)
    scene.callee.respond(bye, 200)
    scene.take_bye(scene.caller)
    net.empty()
    assert len(net.scscf.log_lines("own BYE")) == 1
    assert len(net.scscf.log_lines("foreign BYE")) == 3


VICTIM = "127.0.0.99"


def copies(scene, bye):
    """What a user can make of our BYE that it got."""
    ours = bye.values("Via")[-1]
    good = [h for h in bye.headers if h[0] not in ("Via", "Route", "Content-Length")]
    route = [("Route", scene.party.routes[0])]

    def copy(*vias, uri=bye.uri, headers=good):
        return compose("BYE %s SIP/2.0" % uri,
                       [("Via", via) for via in vias] + route + headers)

    def own():
        return scene.callee.via()[1]

    def with_cseq(number):
        return [(n, "%d BYE" % number if n == "CSeq" else v) for n, v in good]

    yield copy(own(), ours)
    yield copy(own(), ours, uri="sip:victim@%s:5060" % VICTIM)
    yield copy(own(), ours, headers=with_cseq(bye.cseq + 1))
    yield copy(own(), ours, headers=[h for h in good if h[0] != "CSeq"])
    yield copy(own(), ours, own())
    yield copy(ours)
    yield copy(ours, ours)
    yield copy(*bye.values("Via"))


@pytest.mark.parametrize("topology", [CALLING, CALLED, CALLING_AS, BOTH_AS], ids=str)
def test_copies(case, host, topology):
    """Of who has our BYE in hand and leaves it unanswered: none is ours, and nothing
    comes of it. With a Via of its own it is answered 481, else tm has the transaction.
    """
    net = adapted(case, host, topology, TELLS, scscf={
        "extra": 'modparam("tm", "retr_timer1", 4000)\n'}).start()
    net.scscf.expect_log(OTHERS_COMPLAIN)
    victim = UserAgent(case, (VICTIM, 5060), net.address("scscf"))
    scene = Scene(net).connect().release()
    bye, other = scene.callee.receive("BYE"), scene.caller.receive("BYE")
    owns = len(net.scscf.log_lines("own BYE"))
    answered = net.scscf.statistics()["answered_481"]
    for data in copies(scene, bye):
        scene.callee.send(data)
    wait_until(lambda: net.scscf.statistics()["answered_481"] >= answered + 4, 3,
               "they are refused")
    time.sleep(0.1)
    assert len(net.scscf.log_lines("own BYE")) == owns
    victim.silent(0.1)
    scene.callee.respond(bye, 200)
    scene.caller.respond(other, 200)
    scene.report()


@pytest.mark.parametrize("topology", [CALLING, CALLING_AS], ids=str)
def test_late_bye_is_over(case, host, topology):
    """The BYE for a late 2xx is ours on its way, and not once it is answered."""
    net = adapted(case, host, topology, TELLS).start()
    net.scscf.expect_log(OTHERS_COMPLAIN)
    victim = UserAgent(case, (VICTIM, 5060), net.address("scscf"))
    scene = Scene(net).invite().ring().release()
    scene.refused()
    scene.callee.respond(scene.expect_cancel(), 200, tag=TAG)
    scene.party = scene.callee.answer(scene.offered, 200, TAG)
    scene.callee.receive("ACK")
    bye = scene.take_bye(scene.callee)
    wait_until(lambda: net.scscf.statistics()["byes_2xx"] == 1, 3, "its answer")
    passes = topology.forward.count("scscf") - 1
    assert len(net.scscf.log_lines("own BYE")) == passes
    for data in copies(scene, bye):
        scene.callee.send(data)
    net.scscf.rpc("core.version")
    victim.silent(0.3)
    assert len(net.scscf.log_lines("own BYE")) == passes
    assert net.scscf.statistics()["answered_481"] >= 3


# -- KEMI ------------------------------------------------------------------------------

JAVASCRIPT = """
loadmodule "app_jsdt.so"
modparam("app_jsdt", "load", "%s")
"""
KEMI = [
    # expression, what it gives, whether the session is released
    ('KSR.ims_release.release(100)', -2, False),
    ('KSR.ims_release.release_text(480, "a\\nb")', -2, False),
    ('KSR.ims_release.release_by("colour", "red", 480)', -2, False),
    ('KSR.ims_release.release_reason(480, "x", "Q.850;cause=0")', -2, False),
    ('KSR.ims_release.release_by_reason("all", "*", 480, "x", "SIP;cause=480")', -2,
     False),
    ('KSR.ims_release.release_by("callid", "none", 480)', -1, False),
    ('KSR.ims_release.release_by_text("callid", "none", 480, "x")', -1, False),
    ('KSR.ims_release.serve("orig")', -1, False),
    ('KSR.ims_release.serve_user("orig", "sip:x@x")', -1, False),
    ('KSR.ims_release.is_own()', -1, False),
    ('KSR.ims_release.release(480)', 1, True),
    ('KSR.ims_release.release_text(480, "JS")', 1, True),
    ('KSR.ims_release.release_by("callid", KSR.pv.get("$ci"), 480)', 1, True),
    ('KSR.ims_release.release_by_text("all", "*", 480, "JS")', 1, True),
    ('KSR.ims_release.release_reason(480, "JS", "")', 1, True),
    ('KSR.ims_release.release_by_reason("all", "*", 480, "JS", "")', 1, True),
]


def javascript(case, code):
    """The configuration that loads it."""
    path = case.folder + "/script.js"
    with open(path, "w") as file:
        file.write(code)
    return JAVASCRIPT % path


def number_of(result):
    """KEMI gives true and false where the script has 1 and -1."""
    return {"true": 1, "false": -1}.get(result, result)


def test_kemi_functions(case, network):
    functions = "".join(
        'function f%d() { KSR.notice("%d gave " + %s + "\\n"); return 1; }\n'
        % (number, number, row[0]) for number, row in enumerate(KEMI))
    calls = cases('jsdt_run("f%d")' % number for number in range(len(KEMI)))
    scscf = policy(calls.replace("gave", "ran"))
    scscf["extra"] = javascript(case, functions) + scscf["extra"]
    net = network(CALLING, scscf=scscf)
    net.scscf.expect_log(BAD_ARGUMENT)
    scene = Scene(net)
    for number, (call, result, over) in enumerate(KEMI):
        scene.connect()
        ask(scene, number)
        line = wait_until(lambda: net.scscf.log_lines(r"\b%d gave " % number), 3)[0]
        assert int(number_of(line.split()[-1])) == result, call
        if not over:
            assert scene.state() == "confirmed", call
            scene.release()
        for ua in (scene.callee, scene.caller):
            bye = ua.receive("BYE")
            check_reason(bye, CAUSE if not over else 480, TEXT if not over else
                         "JS" if '"JS"' in call else "Released by the network")
            ua.respond(bye, 200)
        wait_until(lambda: not live_records(net.scscf), 3, "it is over")
        maybe(scene.caller, 200)


WHOLE = """
function ksr_request_route() {
    KSR.notice("own " + KSR.ims_release.is_own() + " " + KSR.pv.get("$rm") + "\\n");
    if (KSR.siputils.has_totag() > 0) {
        KSR.rr.loose_route();
    } else if (KSR.is_INVITE()) {
        TRACK
        KSR.rr.record_route();
        KSR.notice("serve " + KSR.ims_release.serve_user("orig", "sip:js@x") + "\\n");
    }
    KSR.tm.t_relay();
    return 1;
}
function on_release(name) {
    if (name == "ims_release:bye") {
        KSR.pv.sets("$imsrel(headers)", "X-Leg: " + KSR.pv.get("$imsrel(leg)"));
    } else {
        KSR.notice(name + " " + KSR.pv.get("$imsrel(result)") + "\\n");
    }
    return 1;
}
"""


def test_whole_script_in_kemi(case, host):
    """Request route and event routes in JavaScript."""
    track = {"dialog": "KSR.dialog.dlg_manage();",
             "ims_dialog": "KSR.setflag(4);"}[host]
    # a request route of the native script would come first
    net = adapted(case, host, CALLING, {r"\nrequest_route": "\nroute[NATIVE]"}, scscf={
        "extra": javascript(case, WHOLE.replace("TRACK", track))
        + 'cfgengine "jsdt"\n'
        'modparam("ims_release", "event_callback", "on_release")\n'}).start()
    scene = Scene(net).connect()
    shown = net.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert (shown["served"], shown["impu"]) == ("orig", "sip:js@x")
    scene.release()
    byes = scene.take_byes()
    scene.over()
    assert [bye.lines("X-Leg") for bye in byes] == [["callee"], ["caller"]]
    check_pair(scene.wire(), CALLING, scene.call_id, CAUSE, TEXT)
    assert net.scscf.log_lines("ims_release:done released")
    assert len(net.scscf.log_lines("own (true|1) BYE")) == 1
    assert not net.scscf.log_lines("own (true|1) (INVITE|ACK)")


@pytest.fixture
def kemi(case):
    """The proxy of kemi.cfg, whose script is JavaScript."""
    script = shutil.copy(ROOT + "/tests/e2e/cfg/kemi.js", case.folder)
    module = shutil.copy(BUILD + "/ims_release.so", case.folder)
    return case.kamailio("kemi", "tests/e2e/cfg/kemi.cfg", ["udp:127.0.0.1:5060"],
                         substs={"IMS_RELEASE": module, "KEMI_SCRIPT": script}).start()


def test_proxy_in_kemi(case, kemi):
    """A script that calls each function, where there is a session and where not."""
    kemi.expect_log("side is 'both', allowed is orig or term")
    kemi.expect_log("cause is '99'|selector is 'color', allowed is")
    caller = UserAgent(case, ("127.0.0.21", 5060), ("127.0.0.1", 5060))
    callee = UserAgent(case, ("127.0.0.22", 5060), ("127.0.0.1", 5060))
    bob = "sip:bob@127.0.0.22:5060"
    refused = caller.invite(bob, ALICE, bob, call_id="refused@test")
    callee.respond(callee.receive("INVITE"), 486, tag="busy")
    refused.acknowledge_failure(caller.receive(486))
    call = caller.invite(bob, ALICE, bob, call_id="kemi@test")
    callee.answer(callee.receive("INVITE"), 200, tag="bob")
    call.confirm(caller.receive(200))
    callee.receive("ACK")
    shown = kemi.rpc("ims_release.show", "callid", "kemi@test")
    assert (shown["served"], shown["impu"]) == ("orig", "sip:kemi@ims.example")
    call.request("INFO")
    for ua in (callee, caller):
        bye = ua.receive("BYE")
        check_reason(bye, 403, "Barred")
        ua.respond(bye, 200)
    Dialog(caller, "<%s>;tag=o" % ALICE, "<%s>" % bob, "options@kemi", bob, [],
           "<sip:ua@%s>" % caller.hostport).request("OPTIONS")
    caller.receive(200)
    assert said(kemi, "kemi serve") == ["1", "-1"] * 2
    assert said(kemi, "kemi serve_user") == ["1"] * 2
    assert kemi.fault("ims_release.show", "callid", "refused@test") == 404
    assert said(kemi, "kemi is_own")[0] in ("1", "true")
    assert said(kemi, "kemi release_text") == ["1", "-2"]
    assert said(kemi, "kemi release") == ["-1"]
    assert said(kemi, "kemi release_by") == ["-1"]
    assert said(kemi, "kemi release_by_text") == ["-2"]


# -- event routes ----------------------------------------------------------------------

NAMES = ["callid", "leg", "served", "impu", "icid", "cause", "text", "job", "state",
         "result", "caller_code", "callee_code", "headers"]


def accounting(event):
    """An event route that writes every name as JSON."""
    fields = ", ".join('\\"%s\\": \\"$imsrel(%s)\\"' % (name, name) for name in NAMES)
    return ('event_route[ims_release:%s] { xlog("L_NOTICE",'
            ' "account {\\"event\\": \\"%s\\", \\"when\\": $TS, %s}\\n"); }\n'
            % (event, event, fields))


def accounts(net, event):
    lines = [json.loads(line[line.index("{"):])
             for line in net.scscf.log_lines(r"account \{")]
    return [line for line in lines if line["event"] == event]


def test_event_routes_share_nothing(network):
    """What the script keeps of one release is not there in the next."""
    net = network(CALLING, scscf={"extra": """
event_route[ims_release:done] {
    xlog("L_NOTICE", "before: $avp(mine) $xavp(mine=>callid) $mf $ru $du $branch(count)\\n");
    $avp(mine) = $imsrel(callid);
    $xavp(mine=>callid) = $imsrel(callid);
    setflag(7);
    $ru = "sip:elsewhere@ims.example";
    $du = "sip:127.0.0.9";
    append_branch("sip:third@ims.example");
}
"""})
    crowd = Crowd(net)
    crowd.call(5)
    net.scscf.rpc("ims_release.release", "all", "*")
    lines = wait_until(lambda: len(net.scscf.log_lines("before: ")) == 5
                       and net.scscf.log_lines("before: "), 5)
    assert len({line.partition("before: ")[2] for line in lines}) == 1, lines
    assert all("before: <null> <null> 0" in line for line in lines), lines


def test_event_routes_leave_nothing(network):
    """A header that is hung on their message goes nowhere, and is freed."""
    net = network(CALLING, scscf={"args": ["-M", 4], "extra": """
event_route[ims_release:bye] {
    append_hf("X-Long: %s\\r\\n");
}
""" % ("x" * 4000)})
    crowd = Crowd(net)
    for _ in range(6):
        ids = crowd.call(200)
        net.scscf.rpc("ims_release.release", "all", "*")
        crowd.wait_told(ids, 20)
    assert net.scscf.statistics()["failed"] == 0
    assert not any("X-Long" in dict(bye.headers) for bye in net.case.wire().requests("BYE"))


@pytest.mark.parametrize("codes, result", [((200, 481), "released"),
                                           ((403, 200), "failed")])
@pytest.mark.parametrize("topology", [CALLING, CALLED_AS], ids=str)
def test_every_name(network, topology, codes, result):
    """Who, why, when, and both outcomes."""
    net = network(topology, scscf={"extra": accounting("bye") + accounting("done")})
    scene = Scene(net).invite(headers=[
        ("P-Charging-Vector", "icid-value=icid-7")]).answer().confirm()
    before = int(time.time())
    scene.release()
    for ua, code in zip((scene.callee, scene.caller), codes):
        scene.take_bye(ua, code)
    scene.report()
    orig = topology.caller_served
    common = {
        "callid": scene.call_id, "served": "orig" if orig else "term",
        "impu": topology.caller_impu if orig else topology.called_impu,
        "icid": "icid-7", "cause": str(CAUSE), "text": TEXT, "job": str(scene.job)}
    legs = accounts(net, "bye")
    done, = accounts(net, "done")
    for line in legs + [done]:
        assert before <= line["when"] <= time.time()
        assert {name: line[name] for name in common} == common
    assert sorted(line["leg"] for line in legs) == ["callee", "caller"]
    assert {line["state"] for line in legs} == {"releasing"}
    assert {line["result"] for line in legs} == {"<null>"}
    assert (done["leg"], done["result"], done["callee_code"], done["caller_code"]) \
        == ("<null>", result, str(codes[0]), str(codes[1]))
    assert done["state"] == "released"


def test_done_is_of_releases_alone(network):
    """Not of sessions that end otherwise, nor when the record is erased."""
    net = network(CALLING, scscf={
        "extra": accounting("done") + 'modparam("ims_release", "linger", 2)\n'})
    scene = Scene(net).connect().within("caller", "BYE")
    scene.invite()
    scene.callee.answer(scene.offered, 486, TAG)
    scene.call.acknowledge_failure(scene.caller.receive(486))
    scene.callee.receive("ACK")
    scene.nothing_left()
    assert not accounts(net, "done")
    scene.connect().release()
    scene.take_byes()
    scene.report()
    line, = accounts(net, "done")
    assert (line["callid"], line["state"]) == (scene.call_id, "released")

    def remembered():
        return net.scscf.rpc("ims_release.list", "state", "released")["matched"]
    assert remembered() == 1
    wait_until(lambda: not remembered(), 5, "the record is erased")
    assert accounts(net, "done") == [line]


ADDED = [
    # assigned in event_route[ims_release:bye]; header lines of the BYE
    ('"X-Leg: " + $imsrel(leg)', ["X-Leg: LEG"]),
    ('"X-Leg: " + $imsrel(leg) + "\\r\\nX-Two: 2\\r\\n"',
     ["X-Leg: LEG", "X-Two: 2"]),
    ('"X-Leg: " + $imsrel(leg) + "\\nX-Three:3"', ["X-Leg: LEG", "X-Three: 3"]),
    ('""', []),
    ("$null", []),
    ('"no colon"', None),
    ('"CSeq: 7 BYE"', None),
    ('"via: SIP/2.0/UDP 127.0.0.9"', None),
    ('"Reason: SIP;cause=1"', None),
    ('"m: <sip:x@x>"', None),
    ('"Content-Length: 5"', None),
    ('"X-Leg: 1\\r\\n\\r\\nbody"', None),
    ('"X-Leg: 1\\r\\n folded"', None),
    ('"X Leg: 1"', None),
    ("42", None),
    # a token, and none that Kamailio reads
    *(('"X%sLeg: 1"' % mark, None) for mark in "!%*`'"),
]


@pytest.mark.parametrize("value, lines", ADDED, ids=range(len(ADDED)))
def test_headers_by_local_policy(network, value, lines):
    """Good ones are in the BYE of their leg; bad ones are refused and logged."""
    net = network(CALLING, scscf={"extra": (
        "event_route[ims_release:bye] { $imsrel(headers) = %s; }\n" % value)})
    if lines is None:
        net.scscf.expect_log(r"ERROR: ims_release .*\$imsrel\(headers\)")
        net.scscf.expect_log(r"ERROR: <core> ")
    scene = Scene(net).connect().release()
    byes = scene.take_byes()
    scene.over()
    for bye, leg in zip(byes, ("callee", "caller")):
        added = ["%s: %s" % header for header in bye.headers if header[0][:2] == "X-"]
        assert added == [line.replace("LEG", leg) for line in lines or []]
        assert bye.body == b""
    refused = net.scscf.log_lines(r"ERROR: ims_release .*\$imsrel\(headers\)")
    assert len(refused) == (2 if lines is None else 0), refused
    check_pair(scene.wire(), CALLING, scene.call_id, CAUSE, TEXT)


MISUSED = [
    # code in a request route, what is logged
    ('$imsrel(headers) = "X: 1"', "outside of event_route"),
    ('$imsrel(callid) = "x"', "cannot be assigned"),
]


def test_variables_elsewhere(network):
    """Outside of the event routes they are null, and nothing can be assigned."""
    net = network(CALLING, scscf=policy(
        cases(code for code, _ in MISUSED)
        + 'xlog("L_NOTICE", "here $imsrel(callid) $imsrel(headers)\\n");'))
    net.scscf.expect_log(r"ERROR: (ims_release .*\$imsrel|<core>)")
    scene = Scene(net).connect()
    for number, (code, says) in enumerate(MISUSED):
        ask(scene, number)
        wait_until(lambda: net.scscf.log_lines(says), 3, says)
    assert net.scscf.log_lines("here <null> <null>")


def test_unknown_name(case, host):
    """Kamailio does not start, and says which name."""
    net = Network(case, host, scscf={"extra": (
        'event_route[ims_release:bye] { xlog("$imsrel(colour)"); }\n')})
    net.scscf.expect_log("(ERROR|CRITICAL): ")
    with pytest.raises(RigError, match=r"(?s)did not start.*imsrel\(colour\)"):
        net.start()
