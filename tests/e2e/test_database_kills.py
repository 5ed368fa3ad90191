# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at random moments under load: what was established is released, exactly.

    IMS_RELEASE_SEED    replays a run: the seed is printed
    IMS_RELEASE_KILLS   how many kills there are, with both databases together
"""

import os
import random
import time

import pytest

from rig.database import FORGOTTEN, crash
from rig.network import BOTH_AS, CALLED_AS, CALLING, Network
from rig.pair import check_pair
from rig.process import wait_until
from rig.raw import CAUSE, TEXT, live_records
from rig.sip import Wire
from rig.survivors import Survivors

KILLS = int(os.environ.get("IMS_RELEASE_KILLS", 20))
AT_A_TIME = 10      # in one case, whose capture is one file
DELAY = 100         # ms
QUIET = 0.7         # seconds: db_delay, and what a busy machine may add to it
# each database with one dialog module: what is shown is of neither alone
HOSTS = {"sqlite": "dialog", "mysql": "ims_dialog"}
# of requests in flight when the process was killed, of calls that it did not know
LOGGED = [FORGOTTEN, r"bogus event \d", "no resolved dst to retransmit",
          r"ims_dialog \[dlg_hash.c"]


def restarted(net, traffic):
    """Killed, and there again: the calls it must know exactly, and those besides."""
    up, ended, changed = traffic.settled(QUIET)
    crash(net.scscf)
    net.provision()
    traffic.forget_the_rest(up, ended)
    entries = net.scscf.rpc("ims_release.list", "all", "*", 0, 1000)["sessions"]
    listed = {entry["callid"] for entry in entries}
    assert up | changed <= listed, "not there: %s" % ((up | changed) - listed)
    assert not ended & listed, "still there: %s" % (ended & listed)
    return up, changed


def released(net, traffic, call_ids):
    """All there is, these among it: each user agrees to a BYE, some to the second.

    What an application server sends again begins calls after the kill, too.
    """
    def done():
        traffic.repeat()        # a release waits for the ACK
        net.scscf.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
        traffic.listen(0.2)
        return not live_records(net.scscf)
    wait_until(done, 45, "all are released")
    for call_id in call_ids:
        assert traffic.released.get(call_id) == {"caller", "callee"}, call_id
    traffic.end(call_ids)


def check_wire(net, call_ids):
    of = {}
    for message in net.case.wire():
        of.setdefault(message.call_id, Wire()).append(message)
    for call_id in call_ids:
        check_pair(of[call_id], net.topology, call_id, CAUSE, TEXT)


@pytest.mark.parametrize("run", range(max(1, KILLS // AT_A_TIME // 2)))
def test_kills(case, database, run, record_property):
    seed = int(os.environ.get("IMS_RELEASE_SEED", random.randrange(1 << 32)))
    record_property("to replay", "IMS_RELEASE_SEED=%d" % seed)
    rng = random.Random(seed)
    db = database(delay=DELAY, quick=True)
    net = Network(case, HOSTS[db.kind], rng.choice([CALLING, CALLED_AS, BOTH_AS]),
                  scscf=db.scscf).start()
    for kamailio in [net.scscf, *net.servers.values()]:
        for line in LOGGED:
            kamailio.expect_log(line)
    traffic = Survivors(net, rng)
    exact, changed, all_changed, begin = set(), set(), set(), time.monotonic()
    for kill in range(AT_A_TIME):
        traffic.play(rng.uniform(0.6, 1.4))
        up, more = restarted(net, traffic)
        changed |= more
        if rng.random() < 0.5 or kill == AT_A_TIME - 1:
            released(net, traffic, up | changed)
            exact |= up
            all_changed, changed = all_changed | changed, set()
    db.await_rows()
    check_wire(net, exact)
    record_property("to see", "%d calls, of those that were established %d released "
                    "exactly, %d that had changed at the kill; %d s" % (
                        len(traffic.calls), len(exact), len(all_changed),
                        time.monotonic() - begin))
    assert exact and all_changed
