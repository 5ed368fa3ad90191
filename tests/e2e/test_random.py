# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sessions, released at random moments, over a network that loses and doubles.

A model that knows only what the users did (rig/course.py) predicts each BYE;
afterwards nothing is left.

    IMS_RELEASE_SEED      replays a run: the seed is printed
    IMS_RELEASE_SESSIONS  how many sessions a run has
"""

import asyncio
import os
import random

import pytest

from rig.course import Session
from rig.network import BOTH_AS, CALLED
from rig.process import wait_until
from rig.raw import nothing_left
from rig.sip import tag_of
from rig.swarm import T1, gather, messages, run

SESSIONS = int(os.environ.get("IMS_RELEASE_SESSIONS", 100))
WARM_UP = 25
AT_ONCE = 40
FR_TIMER_MS = 6000
SETTINGS = {
    "args": ["-x", "qm"], "memory": 256,
    "extra": 'modparam("tm", "retr_timer1", %d)\n' % (1000 * T1)
             + 'modparam("tm", "retr_timer2", %d)\n' % (4000 * T1)
             + 'modparam("tm", "fr_timer", %d)\n' % FR_TIMER_MS
             + 'modparam("tm", "wt_timer", 1500)\n'
               'modparam("ims_release", "linger", 1)\n'
               'modparam("ims_release", "job_history", 0)\n'}

# What the others log of such a network.
LOGGED = [
    # ims_dialog, of our own requests for a 2xx that came late, and of requests that are
    # sent again when all is over: their answer was lost
    r"unable to find dialog for \w+ with route param",
    # both dialog modules, of a 2xx that comes again after the BYE: its ACK was lost
    r"bogus event 3 in state [56] \(with BYE\)",
    # ims_dialog, of a 2xx that comes again where two places rang
    r"ims_dialog \[dlg_hash.c:\d+\]: next_state_dlg\(\)",
    # ims_dialog, which stores a Contact without a lock, of one that two processes have
    r"freeing already freed pointer .* called from ims_dialog: dlg_hash.c: dlg_update_",
    # tm, of two copies of a request that two processes have at the same time
    "no resolved dst to retransmit",
]
# q_malloc hands out a little more than was asked for when the rest is of no use
ROUNDING = 1024


def check_wire(net, sessions):
    """The BYEs that the S-CSCF made: one a leg, two after 500, the right Routes."""
    made = {}
    net.case.capture.flush()
    for message in messages(net.case.capture.path):
        if message.is_request and message.method == "BYE" \
                and len(message.values("Via")) == 1 and message.lines("Reason"):
            key = message.call_id, tag_of(message.get("To"))
            made.setdefault(key, {})[message.branch] = message
    for session in filter(lambda s: s.exact, sessions):
        for leg, want in session.expected.items():
            byes = made.pop((session.call.call_id, tag_of(want.to)), {}).values()
            once = len(session.expected) == 1 or session.answers[leg][:1] != (500,)
            assert len(byes) == (1 if once else 2), (session.call.call_id, leg, byes)
            for bye in byes:
                assert bye.values("Route") == want.routes, bye.values("Route")
    exact = {session.call.call_id for session in sessions if session.exact}
    assert not [key for key in made if key[0] in exact], "BYEs that nobody expects"


def quiet(scscf, memory):
    """Until the module has forgotten all sessions, to the last byte of that many, and
    tm all transactions.
    """
    nothing_left(scscf, 20)
    wait_until(lambda: scscf.shared_memory() == memory, 20, "no byte more than at first",
               0.1)
    nothing_left(scscf, 20)


def used(scscf):
    """Bytes of shared memory that all of Kamailio holds."""
    return scscf.rpc("core.shmmem")["used"]


def many(net, seed, count):
    rng = random.Random(seed)

    async def of(stations):
        sessions = [Session(net, stations, rng.randrange(1 << 48))
                    for _ in range(count)]
        await gather([session.play() for session in sessions], AT_ONCE)
        await asyncio.sleep(8 * T1)     # late repetitions are answered, too
        for session in sessions:
            session.call.hang()
        return sessions
    return run(net, of)


def bad_network(network, topology):
    net = network(topology, scscf=SETTINGS)
    for kamailio in [net.scscf, *net.servers.values()]:
        for line in LOGGED:
            kamailio.expect_log(line)
    return net


@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
def test_random_sessions(network, topology, record_property):
    seed = int(os.environ.get("IMS_RELEASE_SEED", random.randrange(1 << 32)))
    record_property("to replay", "IMS_RELEASE_SEED=%d IMS_RELEASE_SESSIONS=%d" % (
        seed, SESSIONS))
    net = bad_network(network, topology)
    memory = net.scscf.shared_memory()
    warm = many(net, seed + 1, WARM_UP)
    quiet(net.scscf, memory)
    before = used(net.scscf)
    sessions = many(net, seed, SESSIONS)
    quiet(net.scscf, memory)
    assert abs(used(net.scscf) - before) < ROUNDING
    check_wire(net, warm + sessions)
    failed = [session for session in warm + sessions if session.failed]
    assert net.scscf.statistics()["failed"] == len(failed)


def test_seed_replays(network):
    """The same course of each session again, whatever the network loses meanwhile."""
    net = bad_network(network, CALLED)
    seed = random.randrange(1 << 32)
    courses = [[session.course for session in many(net, drawn, 30)]
               for drawn in (seed, seed, seed + 1)]
    assert courses[0] == courses[1] != courses[2]
