# SPDX-License-Identifier: GPL-2.0-or-later
"""db_delay: when a change is in the database at the latest, and what never is."""

import pathlib
import time

import pytest

from rig.network import BOTH_AS, CALLING
from rig.process import RigError, wait_until
from rig.raw import CAUSE, TEXT, Scene, nothing_left
from rig.variant import OTHERS_COMPLAIN

KEEPER = "ims_release keeper"


def record(db):
    (text,), = db.rows("record")
    return text


def test_at_the_latest(network, database):
    """A change is there after db_delay, and not much before its half."""
    db = database(delay=600)
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    db.await_rows("confirmed")
    for _ in range(3):
        scene.within("caller", "INFO")
        said = time.monotonic()
        number = "caller-cseq %d:%d " % (len(str(scene.call.cseq + 1)),
                                         scene.call.cseq + 1)
        wait_until(lambda: number in record(db), 5, number)
        assert time.monotonic() - said < 0.65


def test_collected(network, database):
    """However often a session changes, it is written once a round."""
    db = database(delay=1000)
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    db.await_rows("confirmed")
    written = db.changes_of()
    for _ in range(40):
        scene.within("caller", "INFO")
    number = "caller-cseq %d:%d " % (len(str(scene.call.cseq + 1)), scene.call.cseq + 1)
    wait_until(lambda: number in record(db), 5, number)
    assert written() <= 3


@pytest.mark.parametrize("end", ["bye", "release"])
def test_came_and_went(network, database, end):
    """In between two rounds: the database never hears of it."""
    db = database(delay=1000)
    scene = Scene(network(CALLING, scscf=db.scscf))
    written = db.changes_of()
    with scene.scscf.paused(KEEPER):
        scene.connect()
        if end == "bye":
            scene.within("caller", "BYE")
        else:
            scene.release()
            scene.take_byes()
            scene.report()
        nothing_left(scene.scscf, of=("sessions", "releasing", "records"))
    time.sleep(1.1)
    assert written() == 0
    assert db.rows() == []


def late(scene, ua, what, action):
    """What is relayed only when the database has it."""
    with scene.scscf.paused(KEEPER):
        action()
        ua.silent(0.2)
    return ua.receive(what)


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_before_it_is_relayed(network, database, topology):
    """db_delay 0: each message waits for the database."""
    db = database(delay=0)
    scene = Scene(network(topology, scscf=db.scscf)).invite().ring()
    caller, callee = scene.caller, scene.callee

    def answer():
        scene.party = callee.answer(scene.offered, 200, "callee-one")
    scene.call.establish(late(scene, caller, 200, answer))
    assert [row[1] for row in db.rows()] == ["answered"]

    late(scene, callee, "ACK", scene.call.acknowledge)
    assert [row[1] for row in db.rows()] == ["confirmed"]

    info = late(scene, callee, "INFO", lambda: scene.call.request("INFO"))
    assert "caller-cseq %d:%d " % (len(str(info.cseq + 1)), info.cseq + 1) in record(db)
    callee.respond(info, 200)
    caller.receive(200)

    moved = "<sip:moved@127.0.0.21:5060>"
    scene.call.request("UPDATE", contact=moved)
    update = callee.receive("UPDATE")
    late(scene, caller, 200, lambda: callee.respond(
        update, 200, headers=[("Contact", "<sip:ua@%s>" % callee.hostport)]))
    assert "sip:moved@127.0.0.21:5060 " in record(db)

    scene.party.request("BYE")
    bye = caller.receive("BYE")
    late(scene, callee, 200, lambda: caller.respond(bye, 200))
    assert db.rows() == []
    nothing_left(scene.scscf)


def test_not_waited_for(network, database):
    """A database that is slow keeps a message for a second, and the next ones not."""
    db = database(delay=0)
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    scene.scscf.expect_log("the database takes over 1000 ms")
    with scene.scscf.paused(KEEPER):
        begin = time.monotonic()
        scene.within("caller", "INFO")
        assert 0.9 < time.monotonic() - begin < 1.5
        begin = time.monotonic()
        for _ in range(5):
            scene.within("callee", "INFO")
        assert time.monotonic() - begin < 0.5
    wait_until(lambda: scene.scscf.statistics()["db_errors"] == 1)
    number = "callee-cseq %d:%d " % (len(str(scene.party.cseq + 1)),
                                     scene.party.cseq + 1)
    wait_until(lambda: number in record(db), 3, number)
    scene.within("caller", "INFO")
    scene.scscf.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
    scene.take_byes()
    db.await_rows()


@pytest.mark.only_host("dialog")
def test_stopped_in_mid_traffic(network, database):
    """Workers that end while they wait for a round keep nobody from ending."""
    db = database(delay=0, quick=True)
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    scene.scscf.expect_log(OTHERS_COMPLAIN)
    for _ in range(12):
        for _ in range(150):
            scene.call.request("INFO")
        time.sleep(0.01)
        try:
            scene.scscf.stop()
        except RigError:
            # Kamailio's own handler waits for a lock that a worker had; nothing of ours
            stacks = next(pathlib.Path(scene.net.case.folder).glob("*.stacks"))
            assert "irl_" not in stacks.read_text()
        scene.scscf.start()
