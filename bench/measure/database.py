# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls with a database, and sessions loaded from it.

Calls a second: 64 set-ups under way at any time for some seconds, both users in one
process beside the S-CSCF, which has two workers, on the same processors. Their 99th
percentile from INVITE to 200: at 200 calls a second. SQLite's file is on the disk that
the project is built on; MariaDB runs on the same machine, durable as it is by default
(each transaction is flushed). Medians of rounds, all in turn. The peer of `db_delay`
1000 and 0 is the module without a database, but for the lines that name the dialog
module: there it runs alone, with its own table, in `db_mode` 1 (real time) and 2
(delayed), and its figure is beside that of ours with `db_delay` 1000.

Rows a second: 100,000 rows of a session each, from the start of Kamailio until it
answers, less what it takes with an empty table. The peer is the dialog module, which loads
its own table, from SQLite in one piece that needs private memory (`-M`) for all rows.
The memory manager is tlsf in all of it.
"""

import itertools
import time
from collections import defaultdict
from statistics import median

from rig.database import Database
from rig.mariadb import MariaDb
from rig.process import wait_until

from .fleet import Fleet
from .stage import TLSF, Stage, processor_time, quick

ROWS = quick(1000, 100000)
ROUNDS = quick(1, 3)
SECONDS = quick(0.5, 3)
WINDOW, RATE = 64, 200
# MB of a process: from SQLite the dialog module reads its table in one piece
PRIVATE = 1024
KINDS = {"sqlite": "SQLite", "mysql": "MariaDB"}
TEMPLATE = "T0000000"       # Call-ID and tags of the row that is copied
DIALOG = 'modparam("dialog", "db_url", "DB_URL")\nmodparam("dialog", "db_mode", %d)\n'
# what each module is without a table of its own
DELAYS, MODES = (1000, 0), (1, 2)


def stage_of(name, kind=None, server=None, delay=None, mode=None):
    """(a stage, its database): of the module, of the dialog module with a mode."""
    stage = Stage("database-" + name, module=mode is None, args=[*TLSF, "-M", PRIVATE])
    if kind is None:
        return stage, None
    db = Database(kind, stage, server, delay=1000 if delay is None else delay)
    stage.scscf.defines.update(db.scscf["defines"])
    stage.scscf.substs.update(db.scscf["substs"])
    if mode is None:
        stage.scscf.extra += db.scscf["extra"]
    else:
        db.schema("dialog")
        stage.scscf.extra += DIALOG % mode
    return stage, db


# -- calls ------------------------------------------------------------------------------

def flood(fleet, seconds):
    """Calls a second, as many as are answered."""
    fleet.delays.clear()
    names = (b"f%d" % n for n in itertools.count())
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        while fleet.waiting < WINDOW:
            fleet.start(next(names))
        fleet.step(0.01)
    rate = len(fleet.delays) / seconds
    fleet.run(lambda: not fleet.waiting, 60)
    return rate


def steady(fleet, seconds):
    """99th percentile of the set-up, in ms."""
    fleet.delays.clear()
    start = time.monotonic()
    for n in range(int(seconds * RATE)):
        due = start + n / RATE
        while time.monotonic() < due:
            fleet.step(max(0, due - time.monotonic()))
        fleet.start(b"s%d" % n)
    fleet.run(lambda: not fleet.waiting, 60)
    delays = sorted(delay for _, delay in fleet.delays)
    return 1000 * delays[int(0.99 * len(delays))]


def calls(name, *args, **kwargs):
    """(calls a second, ms of the 99th percentile, microseconds of the S-CSCF a call)"""
    with stage_of(name, *args, **kwargs)[0] as stage:
        # dialogs of db_mode 1 that wait for a database
        stage.scscf.expect_log("dialog|db_")
        fleet = stage.add(Fleet(stage.ns))
        fleet.set_up(100, "warm", window=8)
        p99 = steady(fleet, SECONDS)
        before = processor_time([stage.scscf.pid])
        rate = flood(fleet, SECONDS)
        took = processor_time([stage.scscf.pid]) - before
        return rate, p99, 1e6 * took / max(1, len(fleet.delays))


def measure_calls(table, server):
    kinds = {"none": {}, "alone": {"mode": 0}}
    for kind in KINDS:
        kinds.update({"%s-%d" % (kind, delay): {"kind": kind, "delay": delay}
                      for delay in DELAYS})
        kinds.update({"%s-mode-%d" % (kind, mode): {"kind": kind, "mode": mode}
                      for mode in MODES})
    runs = defaultdict(list)
    for _, name in itertools.product(range(ROUNDS), kinds):
        runs[name].append(calls(name, server=server, **kinds[name]))
    rate, p99, took = ({name: median(run[n] for run in of) for name, of in runs.items()}
                       for n in range(3))
    for kind, label in KINDS.items():
        for delay in DELAYS:
            name, what = "%s-%d" % (kind, delay), "%s, db_delay %d" % (label, delay)
            table.row("calls a second, " + what, rate[name], rate["none"],
                      0.95 if delay else None, more=True)
            table.row("ms to set a call up, 99th percentile, " + what, p99[name],
                      p99["none"], 1.05 if delay else None)
            table.row("microseconds of processor, S-CSCF, a call, " + what, took[name],
                      took["none"])
        for mode in MODES:
            ours, peer = kind + "-1000", "%s-mode-%d" % (kind, mode)
            what = "%s, beside dialog with db_mode %d" % (label, mode)
            table.row("calls a second, " + what, rate[ours], rate[peer],
                      1 if mode == 1 else None, more=True)
            table.row("ms to set a call up, 99th percentile, " + what, p99[ours],
                      p99[peer], 1 if mode == 1 else None)
    table.row("calls a second, no database, beside dialog without one", rate["none"],
              rate["alone"], more=True)


# -- rows -------------------------------------------------------------------------------

def core_hash(text):
    """As the dialog module finds its slot: core/hash_func.h."""
    h = 0
    for at in range(0, len(text) + 1, 4):
        part = text[at:at + 4] if at + 4 <= len(text) else text[at:]
        v = int.from_bytes(part, "big")
        h += v ^ v >> 3
    h &= 0xffffffff
    return (h + (h >> 11) + (h >> 13) + (h >> 23)) & 4095


def one_row(stage, db, name):
    """A call that the database has, and its S-CSCF killed."""
    with stage:
        fleet = stage.add(Fleet(stage.ns))
        fleet.set_up(1, TEMPLATE[:-1])
        wait_until(lambda: db.query("select count(*) from " + name) == [["1"]], 90,
                   "a row of " + name)
        stage.scscf.kill()


def copies(db, name, columns, numbers):
    """Rows like the one that is there, each with another Call-ID and other tags."""
    if db.kind == "sqlite":
        sequence = "with recursive s(n) as (select 1 union all select n + 1 from s " \
            "where n < %d) " % ROWS
        other, source, key = "printf('R%07d', n)", "s", "printf('%032d', n)"
    else:
        sequence, source = "", "(select seq as n from seq_1_to_%d) s" % ROWS
        other, key = "concat('R', lpad(n, 7, '0'))", "lpad(n, 32, '0')"
    values = [{"uid": key, "hash_id": "n", "hash_entry": "slot"}.get(
        column, "replace(%s, '%s', %s)" % (column, TEMPLATE, other)
        if column not in numbers else column) for column in columns]
    join = " join slots using (n)" if "hash_entry" in columns else ""
    first = columns[0]
    insert = "insert into %s (%s) " % (name, ",".join(columns))
    select = "select %s from (select * from %s order by %s limit 1) t cross join %s%s" % (
        ",".join(values), name, first, source, join)
    db.query(insert + sequence + select if db.kind == "mysql" else
             sequence + insert + select)
    db.query("delete from %s where %s" % (
        name, "uid not like '0000%'" if "uid" in columns else
        "callid = '%s@bench'" % TEMPLATE))


def fill_ours(stage, db):
    one_row(stage, db, "ims_release")
    copies(db, "ims_release", ["uid", "node", "state", "created", "callid", "from_tag",
                               "to_tag", "impu", "icid", "record"], {"created"})


def fill_dialogs(stage, db):
    one_row(stage, db, "dialog")
    db.query("create table slots (n integer primary key, slot integer)")
    slots = ["(%d,%d)" % (n, core_hash(b"R%07d@bench" % n)) for n in range(1, ROWS + 1)]
    for at in range(0, ROWS, 1000):
        db.query("insert into slots values " + ",".join(slots[at:at + 1000]))
    copies(db, "dialog", [
        "hash_entry", "hash_id", "callid", "from_uri", "from_tag", "to_uri", "to_tag",
        "caller_cseq", "callee_cseq", "caller_route_set", "callee_route_set",
        "caller_contact", "callee_contact", "caller_sock", "callee_sock", "state",
        "start_time", "timeout", "sflags", "iflags", "toroute_name", "req_uri", "xdata"],
        {"state", "start_time", "timeout", "sflags", "iflags"})


def start_time(stage):
    """Seconds until it answers."""
    start = time.monotonic()
    scscf = stage.scscf.launch()
    wait_until(lambda: not scscf.running or scscf._answers(), 120, "it answers", 0.001)
    if not scscf.running:
        raise RuntimeError("it did not start: see " + stage.folder)
    return time.monotonic() - start


def loaded(stage, count):
    """Rows a second; count: how many sessions there are."""
    took = start_time(stage)
    found = count(stage.scscf)
    assert found == ROWS, "%s of %d rows loaded" % (found, ROWS)
    stage.scscf.kill()
    return took


def measure_rows(table, server):
    for kind, label in KINDS.items():
        rates = []
        for mode, fill, name, count in (
                (None, fill_ours, "ims_release",
                 lambda scscf: scscf.statistics()["sessions"]),
                (1, fill_dialogs, "dialog",
                 lambda scscf: scscf.statistics("dialog")["active_dialogs"])):
            stage, db = stage_of("rows-%s-%s" % (kind, name), kind, server, mode=mode)
            stage.close = lambda failed=True, close=stage.close: None
            fill(stage, db)
            full = [loaded(stage, count) for _ in range(ROUNDS)]
            db.query("delete from " + name)
            empty = []
            for _ in range(ROUNDS):
                empty.append(start_time(stage))
                stage.scscf.kill()
            del stage.close
            stage.close()
            rates.append(ROWS / (median(full) - median(empty)))
        table.row("rows loaded a second, of %s, %s" % ("{:,}".format(ROWS), label),
                  *rates, more=True)


def measure(table):
    server = MariaDb()
    try:
        server.query("set global innodb_flush_log_at_trx_commit = 1")
        measure_rows(table, server)
        measure_calls(table, server)
    finally:
        server.stop()
