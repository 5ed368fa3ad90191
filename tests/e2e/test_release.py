# SPDX-License-Identifier: GPL-2.0-or-later
"""TS 24.229 5.4.5.1.2 on the wire: a session is released, both users get their BYE.

`check_pair` compares each BYE with its row of the clause: Request-URI, To, From,
Call-ID, CSeq, Route, Reason, the hosts it visits, and that there are two.
"""

import pytest

from rig.network import (BOTH, BOTH_AS, CALLED, CALLED_AS, CALLING, CALLING_AS,
                         TOPOLOGIES)
from rig.pair import check_pair

VARIANTS = [
    CALLING_AS.but(edge=True), CALLED_AS.but(edge=True),
    CALLING_AS.but(transport="tcp"), CALLED_AS.but(transport="tcp"),
    BOTH_AS.but(ipv6=True), CALLED_AS.but(transport="tcp", ipv6=True),
]


def release(net, call, *words):
    """The operator's command; it must match one session."""
    code, output = net.scscf.kamcmd(
        "ims_release.release", "callid", call.call_id, *words)
    assert code == 0 and "matched: 1" in output, output


def check_nothing_left(net, call, released=1):
    net.empty()
    assert net.scscf.fault("ims_release.show", "callid", call.call_id) == 404
    statistics = net.scscf.statistics()
    assert statistics["sessions"] == statistics["releasing"] == 0
    assert statistics["released"] == released
    assert statistics["byes_sent"] == 2


def check_answers_481(net, call, wire):
    """A request on the released dialog, from either user."""
    topology = net.topology
    wire = wire.where(call_id=call.call_id)
    invite = wire.requests("INVITE", src=topology.address("caller"))[0]
    ok = wire.responses(200, method="INVITE", dst=topology.address("caller"))[0]
    caller = net.agent("caller")
    dialog = caller.resume(invite, ok)
    dialog.routes = dialog.routes[1 if topology.edge else 0:]
    for method in ("INFO", "BYE"):
        dialog.request(method, cseq=1000)
        caller.receive(481)


@pytest.mark.parametrize("topology", TOPOLOGIES + VARIANTS, ids=str)
def test_pair(network, topology):
    net = network(topology)
    call = net.call("basic-call").settled()
    release(net, call, 503, "Gone")
    call.finish()
    wire = net.case.wire()
    check_pair(wire, topology, call.call_id, 503, "Gone")
    check_nothing_left(net, call)
    check_answers_481(net, call, wire)


def rich_parties(topology):
    """From and To with all that they can have."""
    return {
        "from": '"A. \\"Lice\\", the <first>" <%s>' % topology.caller_impu,
        "from_params": ";x-sub=one;flag",
        "to": '"Böb" <%s>' % topology.called_impu,
        "to_tail": ";x-b=2",
    }


@pytest.mark.parametrize(
    "topology", [BOTH_AS, CALLING_AS.but(edge=True), CALLED_AS.but(edge=True)], ids=str)
def test_pair_after_rich_call(network, topology):
    """CSeqs of both sides and targets have moved; the parties have all they can."""
    net = network(topology)
    call = net.call("rich-call", rich_parties(topology)).settled()
    release(net, call, 480, 'He said "no" \\ left')
    call.finish()
    to_callee, to_caller = check_pair(
        net.case.wire(), topology, call.call_id, 480, 'He said "no" \\ left')
    assert (to_callee.cseq, to_caller.cseq) == (8, 105)
    assert to_callee.uri == topology.uri("callee", "bob-4")
    assert to_caller.uri == topology.uri("caller", "alice-4")
    check_nothing_left(net, call)


@pytest.mark.parametrize("topology", [CALLING_AS, CALLED_AS], ids=str)
def test_defaults(network, topology):
    """A release that names no cause has that of the parameters."""
    net = network(topology)
    call = net.call("basic-call").settled()
    release(net, call)
    call.finish()
    check_pair(net.case.wire(), topology, call.call_id, 503, "Released by the network")


def test_application_server_that_left(network):
    """One that did not record-route is not visited by the BYE either."""
    net = network(CALLING_AS, as_defines={"NO_RECORD_ROUTE": True})
    call = net.call("basic-call").settled()
    release(net, call, 503, "Gone")
    call.finish()
    byes = net.case.wire().requests("BYE", call_id=call.call_id)
    assert sorted(CALLING_AS.who_at(bye.dst) for bye in byes) \
        == ["callee", "caller", "scscf", "scscf"]
    check_nothing_left(net, call)


ANSWERS = [
    # the callee's answer, the caller's, what the job says, released, failed
    ("481 Gone", "200 OK", {("callee", 481), ("caller", 200)}, 1, 0),
    ("200 OK", "481 Gone", {("callee", 200), ("caller", 481)}, 1, 0),
    ("403 Never", "200 OK", {("callee", 403), ("caller", 200)}, 0, 1),
    ("200 OK", "603 Never", {("callee", 200), ("caller", 603)}, 0, 1),
]


@pytest.mark.parametrize("callee, caller, codes, released, failed", ANSWERS)
@pytest.mark.parametrize("topology", [CALLING, BOTH], ids=str)
def test_answers(network, topology, callee, caller, codes, released, failed):
    """Whatever they answer, the information is released."""
    net = network(topology)
    call = net.call("basic-call", callee={"bye_answer": "SIP/2.0 " + callee},
                    caller={"bye_answer": "SIP/2.0 " + caller}).settled()
    job = net.scscf.rpc("ims_release.release", "callid", call.call_id, 503, "Gone")
    call.finish()
    report = net.scscf.rpc("ims_release.job", job["job"])
    assert report["state"] == "done"
    assert {(code["leg"], code["code"]) for code in report["codes"]} == codes
    assert (report["released"], report["failed"]) == (released, failed)
    check_pair(net.case.wire(), topology, call.call_id, 503, "Gone")
    net.empty()


def scripted_call(net):
    """A call between two scripted user agents: (the caller's dialog, the callee's)."""
    caller, callee = net.agent("caller"), net.agent("callee")
    topology = net.topology
    calling = caller.invite(topology.called_impu, topology.caller_impu,
                            topology.called_impu)
    called = callee.answer(callee.receive("INVITE"))
    calling.confirm(caller.receive(200))
    callee.receive("ACK")
    return calling, called


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_requests_during_release(network, topology):
    """While the BYEs are not answered, requests get 481, a crossing BYE too."""
    net = network(topology)
    calling, called = scripted_call(net)
    job = net.scscf.rpc("ims_release.release", "callid", calling.call_id)["job"]
    byes = [side.ua.receive("BYE") for side in (calling, called)]
    for side in (calling, called):
        for method in ("INFO", "BYE"):
            side.request(method, cseq=500)
            side.ua.receive(481)
    assert net.scscf.rpc("ims_release.job", job)["state"] == "running"
    for side, bye in zip((calling, called), byes):
        side.ua.respond(bye, 200)
    net.empty()
    assert net.scscf.rpc("ims_release.job", job)["state"] == "done"
    calling.ua.silent()
    called.ua.silent()
    wire = net.case.wire().where(src=topology.address("scscf"))
    assert len([m for m in wire.requests("BYE") if len(m.values("Via")) == 1]) == 2


REFUSED = [
    (("callid", "no-such-call"), 404),
    (("callid",), 400),
    (("colour", "red"), 400),
    (("callid", "CALL", 199), 400),
    (("callid", "CALL", 700), 400),
    (("callid", "CALL", 503, "two\r\nlines"), 400),
    (("callid", "CALL", 503, "x" * 129), 400),
]


@pytest.mark.parametrize("words, code", REFUSED)
def test_refused_command(network, words, code):
    """A command that is wrong sends nothing, and the call goes on."""
    net = network(CALLED)
    call = net.call("caller-hangs-up", quiet=0)
    call.confirmed()
    words = [call.call_id if word == "CALL" else word for word in words]
    assert net.scscf.fault("ims_release.release", *words) == code
    call.finish()
    assert net.scscf.statistics()["byes_sent"] == 0


def test_leaves_no_shared_memory(network):
    """After a session's release every byte of the module's is given back."""
    net = network(BOTH_AS, scscf={
        "args": ["-x", "qm"],
        "extra": 'modparam("ims_release", "linger", 0)\n'
                 'modparam("ims_release", "job_history", 1)\n'})

    def one():
        call = net.call("basic-call", quiet=100).settled()
        release(net, call, 503, "Gone")
        call.finish()
        net.empty()

    one()
    before = net.scscf.shared_memory()
    one()
    assert net.scscf.shared_memory() == before
