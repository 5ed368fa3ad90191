# SPDX-License-Identifier: GPL-2.0-or-later
"""The module's parameters: what each does, and what it must not be."""

import re
import time

import pytest

from rig.network import BOTH_AS, CALLED, CALLED_AS, CALLING, CALLING_AS, Network
from rig.pair import check_pair
from rig.process import RigError, wait_until
from rig.raw import CAUSE, TEXT, Scene, check_reason, maybe
from rig.variant import HOG, OTHERS_COMPLAIN, free_memory, hog


def param(name, value):
    form = '"%s"' % value if isinstance(value, str) else "%d" % value
    return 'modparam("ims_release", "%s", %s)\n' % (name, form)


def released(scene):
    scene.release()
    byes = scene.take_byes()
    scene.report()
    return byes


# -- what is refused -------------------------------------------------------------------

OUT_OF_RANGE = [
    # parameter, value, what must be in the line besides the two
    ("default_cause", 0, "200 or 300 to 699"),
    ("default_cause", 199, "200 or 300 to 699"),
    ("default_cause", 201, "200 or 300 to 699"),
    ("default_cause", 700, "200 or 300 to 699"),
    ("default_cause", -503, "200 or 300 to 699"),
    ("default_text", "x" * 129, "128"),
    ("default_text", "two\nlines", "128"),
    ("default_text", "\\xff", "UTF-8"),
    ("credit_cause", 199, "0, 200 or 300 to 699"),
    ("credit_cause", -402, "0, 200 or 300 to 699"),
    ("credit_text", "x" * 129, "128"),
    ("default_reason", "SIP;cause=480", "protocol must be one of RELEASE_CAUSE"),
    ("default_reason", "Q.850;cause=0", "Q.850 1 to 127"),
    ("default_reason", "Q.850;cause=16,Q.850;cause=17", "more than once"),
    ("default_reason", "Q.850;cause=16;text=normal", "in quotes"),
    ("default_reason", "RELEASE_CAUSE", "without a cause"),
    ("served", "both", "orig, term or auto"),
    ("served", "", "orig, term or auto"),
    ("service_control", 2, "0 to 1"),
    ("service_control", -1, "0 to 1"),
    ("answer_481", 2, "0 to 1"),
    ("linger", -1, "0 to 86400"),
    ("linger", 86401, "0 to 86400"),
    ("extra_headers", "no colon", "Name: value"),
    ("extra_headers", "CSeq: 1 BYE", "Name: value"),
    ("extra_headers", "X-A: 1\\r\\nreason: SIP", "Name: value"),
    ("extra_headers", "X-A: 1\\r\\n\\r\\nbody", "Name: value"),
    ("extra_headers", "X A: 1", "Name: value"),
    ("hash_size", 0, "1 to"),
    ("hash_size", -4, "1 to"),
    ("hash_size", 1000, "power of two"),
    ("hash_size", 2147483647, "1 to"),
    ("max_sessions", -1, "0 to"),
    ("job_rate", -1, "0 to"),
    ("job_window", 0, "1 to"),
    ("job_window", -1, "1 to"),
    ("job_history", -1, "0 to"),
    ("release_on", "expire", "expired, unregistered and terminated"),
    ("release_on", "terminated,", "expired, unregistered and terminated"),
    ("release_on_cause", 100, "200 or 300 to 699"),
]


def refusal(net):
    """The lines of our sources when Kamailio does not start."""
    net.scscf.expect_log("(ERROR|CRITICAL): (<core>|ims_release) ")
    with pytest.raises(RigError, match="did not start"):
        net.start()
    return net.scscf.log_lines(r"ERROR: ims_release \[\w+\.c:")


@pytest.mark.parametrize(
    "name, value, allowed", OUT_OF_RANGE,
    ids=["%s-%d" % (row[0], number) for number, row in enumerate(OUT_OF_RANGE)])
def test_out_of_range(case, name, value, allowed):
    """Kamailio does not start, and one line names parameter, value and range."""
    lines = refusal(Network(case, "dialog", scscf={"extra": param(name, value)}))
    assert len(lines) == 1, lines
    begins = re.split(r"[\n\\]", str(value)[:20])[0]
    assert name in lines[0] and begins in lines[0] and allowed in lines[0]


def test_wrong_type(case):
    net = Network(case, "dialog", scscf={"extra": param("linger", "soon")})
    net.scscf.expect_log("(ERROR|CRITICAL): <core> ")
    with pytest.raises(RigError, match="did not start"):
        net.start()


BARE = """#!KAMAILIO
listen=udp:127.0.0.1:5060
loadmodule "kex.so"
%s
loadmodule "IMS_RELEASE"
request_route { exit; }
"""
LOADED = {
    # what is not loaded: what is, what the line says
    "tm": (["sl", "rr", "pv"], "tm is not loaded"),
    "rr": (["tm", "sl", "pv"], "rr is not loaded"),
    "dialog": (["tm", "sl", "rr", "pv"], "dialog"),
}


@pytest.mark.parametrize("missing", LOADED)
def test_module_that_is_needed(case, missing):
    """Kamailio does not start and one line says which is missing."""
    loaded, says = LOADED[missing]
    net = Network(case, "dialog")
    net.scscf.config = case.folder + "/bare.cfg"
    net.scscf.extra = ""
    with open(net.scscf.config, "w") as file:
        file.write(BARE % "\n".join('loadmodule "%s.so"' % name for name in loaded))
    lines = refusal(net)
    assert len(lines) == 1 and says in lines[0], lines


@pytest.mark.parametrize("loaded, says", [
    ([], "load ims_usrloc_scscf or usrloc before"),
    (["usrloc"], "contacts in memory"),
], ids=["none", "database"])
def test_no_registrar(case, loaded, says):
    """release_on without a registrar that could serve it."""
    net = Network(case, "dialog")
    net.scscf.config = case.folder + "/bare.cfg"
    net.scscf.extra = param("release_on", "expired")
    if loaded:
        net.scscf.extra += 'modparam("usrloc", "db_mode", 3)\n' \
            'modparam("usrloc", "db_url", "text:///tmp")\n'
    with open(net.scscf.config, "w") as file:
        file.write(BARE % "\n".join('loadmodule "%s.so"' % name for name in [
            "tm", "sl", "rr", "pv", "dialog", "db_text", *loaded]))
    lines = refusal(net)
    assert len(lines) == 1 and says in lines[0], lines


# -- what each does --------------------------------------------------------------------


@pytest.mark.parametrize("topology", [CALLING_AS, CALLED_AS, BOTH_AS], ids=str)
def test_no_service_control(network, topology):
    """Both go straight; the dialog module's record ends all the same."""
    net = network(topology, scscf={"extra": param("service_control", 0)})
    scene = Scene(net).connect()
    to_callee, to_caller = released(scene)
    net.empty()
    wire = scene.wire()
    made = [bye for bye in wire.requests("BYE") if len(bye.values("Via")) == 1]
    next_hops = {topology.who_at(bye.dst) for bye in made}
    assert next_hops == ({"as_orig", "caller"} if topology.caller_served
                         else {"as_term", "callee"})
    assert to_caller.uri == "sip:ua@" + topology.hostport("caller")
    assert to_callee.uri == "sip:ua@" + topology.hostport("callee")
    scene.nothing_left()


def test_no_service_control_keeps_no_transaction(network):
    """tm keeps those of the two BYEs for `wt_timer`, and none beside them."""
    net = network(CALLING, scscf={"extra": param("service_control", 0) +
                                  'modparam("tm", "wt_timer", 60000)\n'})
    scene = Scene(net).connect()
    before = net.scscf.transactions()
    released(scene)
    wait_until(lambda: net.scscf.transactions() == before + 2, 3, "two transactions")


@pytest.mark.parametrize("answers", [0, 1])
def test_answer_481(network, answers):
    """0: the script sees the requests on a released session."""
    net = network(CALLING, scscf={"extra": param("answer_481", answers)})
    # it has let the dialog go
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net).connect()
    scene.release()
    held = [ua.receive("BYE") for ua in (scene.callee, scene.caller)]
    scene.call.request("INFO", cseq=500)
    if answers:
        scene.caller.receive(481)
    else:
        scene.callee.respond(scene.callee.receive("INFO"), 481)
        scene.caller.receive(481)
    for ua, bye in zip((scene.callee, scene.caller), held):
        ua.respond(bye, 200)
    scene.report()
    assert net.scscf.statistics()["answered_481"] == answers


@pytest.mark.parametrize("linger", [0, 1, 2])
def test_linger(network, linger):
    """After so many seconds nothing is known of the session any more."""
    net = network(CALLING, scscf={"extra": param("linger", linger)})
    net.scscf.expect_log(OTHERS_COMPLAIN)
    scene = Scene(net).connect()
    began = time.monotonic()
    released(scene)

    def known():
        return net.scscf.rpc("ims_release.list", "state", "released")["matched"]

    if linger:
        assert known() == 1
    wait_until(lambda: not known(), linger + 2, "it is forgotten")
    assert time.monotonic() - began >= linger
    scene.call.request("INFO", cseq=500)
    # passed on by the script
    scene.callee.respond(scene.callee.receive("INFO"), 481)
    scene.caller.receive(481)
    assert net.scscf.statistics()["answered_481"] == 0


EXTRA = [
    # parameter, lines in each BYE
    ("X-One: 1", [("X-One", "1")]),
    ("X-One: 1\\r\\nP-Charging-Vector: icid-value=\\\"a b\\\";x\\r\\n",
     [("X-One", "1"), ("P-Charging-Vector", 'icid-value="a b";x')]),
    ("X-One:\\nX-Two :2\\n\\n", [("X-One", ""), ("X-Two", "2")]),
    ("", []),
]


@pytest.mark.parametrize("value, headers", EXTRA, ids=["one", "two", "odd", "none"])
@pytest.mark.parametrize("topology", [BOTH_AS], ids=str)
def test_extra_headers(network, topology, value, headers):
    """In both BYEs, on every hop."""
    net = network(topology, scscf={"extra": param("extra_headers", value)})
    scene = Scene(net).connect()
    released(scene)
    wire = scene.wire()
    check_pair(wire, topology, scene.call_id, CAUSE, TEXT)
    for bye in wire.requests("BYE"):
        kept = [header for header in bye.headers if header[0] in dict(headers)]
        assert kept == headers


@pytest.mark.parametrize("cause, text", [
    (200, "Fertig"), (699, 'Böse "Sache" \\\\ '.strip()), (480, "")])
def test_default_reason(network, cause, text):
    quoted = text.replace('"', '\\"')
    net = network(CALLED, scscf={
        "extra": param("default_cause", cause) + param("default_text", quoted)})
    scene = Scene(net).connect()
    net.scscf.rpc("ims_release.release", "callid", scene.call_id)
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE")
        check_reason(bye, cause, text.replace("\\\\", "\\") if text else None)
        ua.respond(bye, 200)


def test_max_sessions(network):
    """Above it calls are not recorded; they go on, and it is said now and then."""
    net = network(CALLING, scscf={
        "extra": param("max_sessions", 2) + param("linger", 0)})
    net.scscf.expect_log("session not recorded: max_sessions reached")
    scene = Scene(net)
    recorded = []
    began = time.monotonic()
    for _ in range(2):
        recorded.append(scene.connect().call_id)
    for _ in range(40):
        scene.connect()
        assert net.scscf.fault("ims_release.show", "callid", scene.call_id) == 404
        scene.call.request("BYE")
        scene.callee.respond(scene.callee.receive("BYE"), 200)
        scene.caller.receive(200)
    took = time.monotonic() - began
    statistics = net.scscf.statistics()
    assert (statistics["sessions"], statistics["refused_sessions"]) == (2, 40)
    said = net.scscf.log_lines("session not recorded: max_sessions reached")
    assert 1 <= len(said) <= 2 * (took + 2)
    # room is made by a release
    net.scscf.rpc("ims_release.release", "callid", recorded[0], CAUSE, TEXT)
    for ua in (scene.callee, scene.caller):
        ua.respond(ua.receive("BYE"), 200)
    wait_until(lambda: net.scscf.statistics()["sessions"] == 1, 3, "room")
    assert scene.connect().state() == "confirmed"


def test_calls_that_cannot_be_released(network):
    """WITH_RELEASABLE_ONLY of cfg/scscf.cfg: the INVITE is refused, with `dialog`."""
    net = network(CALLING, scscf={
        "extra": param("max_sessions", 1), "defines": {"WITH_RELEASABLE_ONLY": True}})
    net.scscf.expect_log("session not recorded: max_sessions reached, Call-ID ")
    first = Scene(net).connect()
    topology = net.topology
    call = first.caller.invite(
        topology.called_impu, topology.caller_impu, topology.called_impu)
    if net.host == "dialog":
        first.caller.receive(503)
        first.callee.silent()
        assert len(net.scscf.dialogs()) == 1
    else:
        first.callee.receive("INVITE")
    assert net.scscf.statistics()["refused_sessions"] == 1
    assert net.scscf.log_lines(
        "session not recorded: max_sessions reached, Call-ID %s$" % call.call_id)
    first.release().take_byes()
    assert first.report()["released"] == 1


def test_one_slot(network):
    """hash_size 1: all sessions in one place, each found and released."""
    net = network(CALLING, scscf={"extra": param("hash_size", 1)})
    scene = Scene(net)
    ids = [scene.connect().call_id for _ in range(8)]
    assert net.scscf.rpc("ims_release.list", "all", "*")["matched"] == 8
    for call_id in ids[::-1]:
        job = net.scscf.rpc("ims_release.release", "callid", call_id, CAUSE, TEXT)
        for ua in (scene.callee, scene.caller):
            bye = ua.receive("BYE")
            assert bye.call_id == call_id
            ua.respond(bye, 200)
        scene.report(job["job"])
    net.empty()


def held(scene):
    """A call set up, when there is memory for it: its Call-ID."""
    topology = scene.topology
    call = scene.caller.invite(topology.called_impu, topology.caller_impu,
                               topology.called_impu)
    offered = maybe(scene.callee, "INVITE", 0.05)
    if not offered:
        return None
    scene.callee.answer(offered, 200, "callee-one")
    answer = maybe(scene.caller, 200, 0.1)
    if not answer:
        return None
    call.confirm(answer)
    maybe(scene.callee, "ACK", 0.1)
    return call.call_id


def test_shared_memory_runs_out(network):
    """Sessions go unrecorded, counted and logged; Kamailio and what it can go on."""
    net = network(CALLING, scscf={
        "memory": 16, "extra": HOG + param("linger", 0)})
    net.scscf.expect_log(OTHERS_COMPLAIN)
    net.scscf.expect_log("ims_release .*(memory|session not recorded|INVITE cannot be cancelled)")
    scene = Scene(net).connect()
    hog(net, leaving=150000)
    calls = [held(scene) for _ in range(60)]
    assert None in calls, free_memory(net)
    net.scscf.rpc("htable.flush", "hog")
    assert held(scene)
    sessions = net.scscf.rpc("ims_release.list", "all", "*", 0, 1000)
    job = net.scscf.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
    assert job["matched"] == sessions["matched"] >= 2
    told = scene.settle(lambda: net.scscf.statistics()["sessions"] == 0)
    confirmed = [one for one in sessions["sessions"] if one["state"] == "confirmed"]
    assert min(map(len, told)) >= len(confirmed)
