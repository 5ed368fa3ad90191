# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions outlive the process: what the database has, a new process releases."""

import copy
import time

import pytest

from rig.database import DELAY, crash, gone, released, restart, written
from rig.network import BOTH_AS, CALLED_AS, CALLING, CALLING_AS
from rig.process import wait_until
from rig.raw import CAUSE, TEXT, Scene, check_reason, nothing_left
from rig.sip import tag_of

# The dialog module's own table in the same database.
OWN_TABLE = 'modparam("dialog", "db_url", "DB_URL")\nmodparam("dialog", "db_mode", 1)\n'


@pytest.mark.parametrize("topology", [CALLING, CALLING_AS, CALLED_AS, BOTH_AS], ids=str)
def test_crash(network, database, topology):
    """What is released after it is exact: CSeq, targets, routes, From and To."""
    db = database()
    scene = Scene(network(topology, scscf=db.scscf)).connect()
    scene.within("callee", "UPDATE", contact="<sip:moved@127.0.0.22:5060;x=1>")
    scene.within("caller", "INFO")
    written(db, "confirmed")
    before = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    crash(scene.scscf)
    after = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    del before["id"], before["age"], after["id"], after["age"]
    assert after == before
    callee, caller = released(scene)
    assert (callee.cseq, caller.cseq) == (scene.call.cseq + 1, scene.party.cseq + 1)
    gone(scene, db)


def test_matched_afterwards(network, database):
    """In-dialog requests of a session that was read move its CSeqs and targets."""
    db = database()
    scene = Scene(network(CALLING_AS, scscf=db.scscf)).connect()
    written(db, "confirmed")
    crash(scene.scscf)
    scene.within("callee", "UPDATE", contact="<sip:moved@127.0.0.22:5060>")
    scene.within("caller", "INVITE", contact="<sip:new@127.0.0.21:5060>")
    scene.within("callee", "INFO")
    shown = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert shown["caller"]["contact"] == "sip:new@127.0.0.21:5060"
    assert (shown["caller"]["cseq"], shown["callee"]["cseq"]) == (
        scene.call.cseq, scene.party.cseq)
    written(db, "confirmed")
    crash(scene.scscf)
    released(scene)
    gone(scene, db)


def test_answered(network, database):
    """The ACK comes by only after the crash."""
    db = database()
    scene = Scene(network(CALLING, scscf=db.scscf)).invite().ring().answer()
    written(db, "answered")
    crash(scene.scscf)
    assert scene.state() == "answered"
    scene.confirm()
    assert scene.state() == "confirmed"
    db.await_rows("confirmed")
    released(scene)
    gone(scene, db)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_ended_by_a_party(network, database, who):
    db = database()
    scene = Scene(network(CALLING_AS, scscf=db.scscf)).connect()
    written(db, "confirmed")
    crash(scene.scscf)
    scene.within(who, "BYE")
    gone(scene, db)
    crash(scene.scscf)
    nothing_left(scene.scscf)


# ims_dialog of 5.6.3 leaves a column empty that its table wants filled: it writes none
@pytest.mark.only_host("dialog")
@pytest.mark.parametrize("end", ["release", "bye"])
def test_with_the_dialog_module_s_database(network, database, end):
    """Both have read the same dialog, and both end it."""
    db = database(extra=OWN_TABLE)
    db.schema("dialog")
    scene = Scene(network(CALLING_AS, scscf=db.scscf)).connect()
    written(db, "confirmed")
    crash(scene.scscf)
    wait_until(scene.scscf.dialogs, 5, "the dialog module has its record")
    if end == "release":
        released(scene)
    else:
        scene.within("callee", "BYE")
    gone(scene, db)
    nothing_left(scene.scscf)


def test_being_released(network, database):
    """The release begins again: CSeqs that are higher, the same cause and text."""
    db = database()
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    db.await_rows("confirmed")
    scene.release()
    first = scene.callee.receive("BYE"), scene.caller.receive("BYE")
    written(db, "releasing")
    crash(scene.scscf)
    wait_until(lambda: scene.scscf.statistics()["byes_sent"] == 2, 5, "both BYEs")
    for ua, old in zip((scene.callee, scene.caller), first):
        bye = ua.receive("BYE")
        while bye.branch == old.branch:
            bye = ua.receive("BYE")
        check_reason(bye, CAUSE, TEXT)
        assert bye.cseq > old.cseq and tag_of(bye.get("To")) == tag_of(old.get("To"))
        ua.respond(bye, 200)
    gone(scene, db)


def test_released_before_the_ack(network, database):
    """A release that waited for the ACK waits again."""
    db = database()
    scene = Scene(network(CALLING, scscf=db.scscf)).invite().ring().answer()
    db.await_rows("answered")
    scene.release()
    written(db, "releasing")
    crash(scene.scscf)
    scene.await_state("releasing")
    scene.callee.silent(0.1)
    scene.confirm()
    scene.take_byes()
    gone(scene, db)


def test_stop_and_start(network, database):
    """A stop loses nothing, however long the database may take behind."""
    db = database(delay=3600000)
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    scene.within("caller", "INFO")
    assert db.rows() == []
    restart(scene.scscf)
    scene.within("callee", "INFO")
    restart(scene.scscf)
    released(scene)
    restart(scene.scscf)
    assert db.rows() == []


# -- rows -------------------------------------------------------------------------------

# display name of the From, Call-ID, tags: what the parser lets through
HOSTILE = [
    ('"\\"; drop table ims_release; --\\\\" ', "it's\\%s`\"@x", "'`%s"),
    ("O'Brien %s%n ", "\udcff\udc80@x", "%00%d"),
    ('"\udcff\udcfe\udcc3(" ', "''@x", "!*~+"),
    ('"\x01\x02\x7f\x1b[2J" ', "\\@x", "''"),
    ('"%00%d%s" ', "--;@x", "."),
]


def as_hex(text):
    return text.encode("utf-8", "surrogateescape").hex().upper()


def scenes_of(net, count):
    """So many scenes of one network."""
    scenes = [Scene(net)]
    for _ in range(count - 1):
        scenes.append(copy.copy(scenes[0]))
    return scenes


def calls(net, count):
    """So many calls."""
    return [scene.connect() for scene in scenes_of(net, count)]


def test_hostile_bytes(network, database):
    db = database()
    net = network(CALLING, scscf=db.scscf)
    topology = net.topology
    scenes = scenes_of(net, len(HOSTILE))
    for scene, (name, call_id, tag) in zip(scenes, HOSTILE):
        scene.call = scene.caller.invite(
            topology.called_impu, "%s<%s>" % (name, topology.caller_impu),
            topology.called_impu, call_id=call_id, tag=tag)
        scene.offered = scene.callee.receive("INVITE")
        scene.ring(tag=tag).answer(tag=tag).confirm()
    written(db, *len(HOSTILE) * ["confirmed"])
    crash(net.scscf)
    assert sorted(db.rows("hex(callid), hex(from_tag), hex(to_tag)")) == sorted(
        [as_hex(call_id), as_hex(tag), as_hex(tag)] for _, call_id, tag in HOSTILE)
    of = {scene.call_id: scene for scene in scenes}
    for entry in net.scscf.rpc("ims_release.list", "all", "*")["sessions"]:
        net.scscf.rpc("ims_release.release", "id", entry["id"], CAUSE, TEXT)
        scene = of.pop(entry["callid"])
        callee, caller = scene.take_byes()
        assert callee.get("From") == caller.get("To") == scene.call.local
        assert callee.get("To") == caller.get("From") == scene.call.remote
    assert not of
    gone(scenes[0], db)


def test_unreadable_rows(network, database):
    """They are passed over, named in the log, and stay; the others are released."""
    db = database()
    scenes = calls(network(CALLING, scscf=db.scscf), 4)
    written(db, *4 * ["confirmed"])
    rows = {call_id: uid for call_id, uid in db.rows("callid, uid")}
    uids = [rows[scene.call_id] for scene in scenes]
    scscf = scenes[0].scscf
    scscf.kill()
    spoil = "update ims_release set %s where uid = '%s'"
    db.query(spoil % ("record = 'nonsense'", uids[0]))
    db.query(spoil % ("record = ''", uids[1]))
    db.query(spoil % ("record = x'00ff'", uids[2]))
    odd = "it''s a row"
    db.query("insert into ims_release select '%s', node, state, created, callid, "
             "from_tag, to_tag, impu, icid, '%s' from ims_release where uid = '%s'" % (
                 odd, "junk", uids[0]))
    scscf.expect_log("row .* of the database is no session: ")
    scscf.start()
    assert scscf.statistics()["sessions"] == 1
    for uid in [*uids[:3], "it's a row"]:
        assert len(scscf.log_lines("row %s of the database is no session" % uid)) == 1
    assert len(scscf.log_lines("1 sessions read from the database, 0 too old, "
                               "4 not readable")) == 1
    released(scenes[3])
    time.sleep(2 * DELAY / 1000)
    assert sorted(row[0] for row in db.rows("uid")) == sorted(
        [*uids[:3], "it's a row"])


def test_old_rows(network, database):
    """Far beyond any session's life they are dropped; a clock that went back is not
    their fault."""
    db = database()
    scenes = calls(network(CALLING, scscf=db.scscf), 3)
    written(db, *3 * ["confirmed"])
    scscf = scenes[0].scscf
    scscf.kill()
    ids = [row[0] for row in db.rows("uid")]
    age = "update ims_release set created = created %s where uid = '%s'"
    db.query(age % ("- 200000", ids[0]))
    db.query(age % ("+ 100000", ids[1]))
    scscf.start()
    assert len(scscf.log_lines("2 sessions read from the database, 1 too old")) == 1
    wait_until(lambda: sorted(row[0] for row in db.rows("uid")) == sorted(ids[1:]))


def test_many_rows(network, database):
    """More than are read at a time."""
    db = database()
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    written(db, "confirmed")
    scene.scscf.kill()
    (number,), (record,), (created,) = db.rows("hex(callid)"), db.rows(
        "hex(record)"), db.rows("created")
    old = bytes.fromhex(number[0])
    values = []
    for n in range(1234):
        call_id = b"copy-%d" % n
        text = bytes.fromhex(record[0]).replace(
            b"callid %d:%s" % (len(old), old), b"callid %d:%s" % (len(call_id), call_id))
        values.append("('%032x','','confirmed',%s,x'%s','','','','',x'%s')" % (
            n * n * 7919, created[0], call_id.hex(), text.hex()))
    db.query("insert into ims_release values " + ",".join(values))
    scene.scscf.start()
    assert scene.scscf.statistics()["sessions"] == 1235
    released(scene)
