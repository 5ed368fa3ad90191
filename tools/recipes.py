#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Play the recipes of docs/operations.md: each command against a running S-CSCF.

    recipes.py           writes what the commands say into the page, where that has
                         another shape than what is there. Run by `make docs`
    recipes.py --check   says where it has

A recipe is a heading with ```console blocks below it. Of the output only the shape is
compared: figures differ from run to run.
"""

import argparse
import dataclasses
import os
import re
import subprocess
import sys

import release_ladders
import sipcap
from rig.case import Case
from rig.crowd import Crowd
from rig.network import BOTH_AS, CALLING, Network
from rig.process import wait_until
from rig.standby import A, B, node, standby_of

PAGE = sipcap.ROOT / "docs" / "operations.md"
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.S)
ALICE, CAROL = "sip:alice@ims.example", "sip:carol@ims.example"
BOB, STRANGER = BOTH_AS.called_impu, "sip:dan@elsewhere.example"


@dataclasses.dataclass
class Step:
    """A command as typed, further lines of it included, and its output."""

    typed: str
    output: str

    @property
    def command(self):
        return re.sub(r"(?m)^[$>] ", "", self.typed)


def steps(block):
    """The commands of a block, each with what is below it."""
    found = re.findall(r"(?m)(^\$ .*\n(?:^> .*\n)*)((?:^(?![$>] ).*\n)*)", block)
    assert "".join(map("".join, found)) == block, block
    return [Step(*pair) for pair in found]


def shape(output):
    """What stays the same from run to run."""
    return re.sub(r"\d+(\.\d+)?", "N", output)


def pattern(expected):
    """What matches an output of that shape; a line `...` stands for any lines."""
    escaped = re.escape(shape(expected))
    return re.sub(r"(?m)^(?:\\\t)*\\\.\\\.\\\.\\?\n", "(?:.*\n)*", escaped)


def same(expected, output):
    return re.fullmatch(pattern(expected), shape(output)) is not None


# -- what goes on around the commands ------------------------------------------------


class Stage:
    """An S-CSCF with calls; `run` is the shell of its operator."""

    def __init__(self, case, topology, **kwargs):
        self.net = Network(case, "dialog", topology, **kwargs).start()
        self.scscf = self.net.scscf
        self.crowd = Crowd(self.net)

    def run(self, command):
        shell = 'kamcmd() { command kamcmd -s "unix:$SOCKET" "$@"; }\n' + command
        done = subprocess.run(
            ["bash", "-c", shell], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=20, encoding="utf-8",
            env={**os.environ, "SOCKET": self.scscf.run_dir + "/kamailio_ctl"})
        return done.stdout

    def job(self, number=1):
        return self.scscf.rpc("ims_release.job", number)

    def idle(self):
        """Until no job runs and no release is under way."""
        wait_until(lambda: not any(self.scscf.statistics()[name]
                                   for name in ("jobs", "releasing")), 10, "the end")

    def done(self, released, number=1):
        """Until the job has released so many, each user of them told."""
        wait_until(lambda: self.job(number)["state"] != "running"
                   and not self.job(number)["in_progress"], 10, "the job's end")
        assert self.job(number)["released"] == released
        wait_until(lambda: len(self.crowd.told["callee"]) >= released, 5)

    def sessions(self):
        return self.scscf.statistics()["sessions"]


class Pair(Stage):
    """With a standby: the operator is at that."""

    def __init__(self, case, topology):
        super().__init__(case, topology, scscf=node(A, B))
        self.first, self.scscf = self.scscf, standby_of(self.net).start()

    def await_copies(self, count):
        wait_until(lambda: self.sessions() == count, 8, "the copies are there")


# Each plays one recipe: it yields where the next command is given.


def one(stage):
    stage.crowd.call(1, ids=["call-1@127.0.0.21"], icid="icid-7")
    yield
    yield
    yield
    stage.done(1)
    yield


def drain(stage):
    ids = stage.crowd.call(400)
    yield
    yield
    yield
    yield
    wait_until(lambda: stage.job()["released"] >= 100, 5)
    yield
    stage.crowd.invite("refused")
    stage.done(400)
    stage.crowd.wait_told(ids)
    wire = stage.net.case.wire().where(call_id="refused")
    assert wire.responses(503, method="INVITE").one().get("Retry-After") == "300"
    assert len(wire.requests("INVITE")) == 1
    yield
    yield
    yield
    yield
    stage.crowd.call(1)


def bar(stage):
    mine = stage.crowd.call(3, ALICE)
    stage.crowd.call(2, CAROL)
    yield
    yield
    stage.done(3)
    stage.crowd.wait_told(mine)
    yield
    assert stage.sessions() == 2


def device(stage):
    mine = stage.crowd.call(5, user="gw")
    stage.crowd.call(2)
    yield
    yield
    stage.done(5)
    yield
    assert stage.sessions() == 2 and set(stage.crowd.told["callee"]) == set(mine)


def server(stage, each=1):
    """It serves calling users, called ones and both, `each` times so many sessions."""
    stage.scscf.rpc("htable.sets", "as_term", BOB, BOTH_AS.uri("as_orig"))
    abroad = BOTH_AS.uri("callee", "bob")
    mine = (stage.crowd.call(2 * each, ALICE, abroad) + stage.crowd.call(each, ALICE, BOB)
            + stage.crowd.call(each, STRANGER, BOB))
    stage.crowd.call(4 * each, CAROL, abroad)
    yield
    stage.crowd.wait_told(mine)
    stage.idle()
    yield
    assert stage.scscf.statistics()["released"] == len(mine)
    assert stage.sessions() == 4 * each


def runaway(stage):
    stage.crowd.call(60)
    stage.scscf.rpc("ims_release.rate", 20)
    stage.scscf.rpc("ims_release.release", "all", "*", 503, "Gone")
    wait_until(lambda: stage.job()["released"] >= 10, 5)
    yield
    yield
    yield
    wait_until(lambda: not stage.job()["in_progress"], 5)
    yield
    yield
    assert 10 <= 60 - stage.sessions() <= 20


def fail_over(stage):
    # whichever of them is listed first
    stage.crowd.call(5, ids=["call-%d@127.0.0.21" % n for n in range(1, 6)])
    stage.await_copies(5)
    yield
    stage.first.kill()
    yield
    yield
    assert stage.sessions() == 5


RECIPES = {
    "Release one session": (CALLING, one),
    "Drain a node": (CALLING, drain),
    "Bar a user": (CALLING, bar),
    "End the sessions of one device or server": (CALLING, device),
    "End the sessions of a failing application server": (BOTH_AS, server),
    "A runaway job": (CALLING, runaway),
    "When a node is lost": (CALLING, fail_over),
}


# -- the page ------------------------------------------------------------------------


def section(text, heading):
    """Start and end of what is below a heading."""
    begin = text.index("\n## %s\n" % heading)
    end = text.find("\n## ", begin + 1)
    return begin, end if end >= 0 else len(text)


def shown(text, heading):
    begin, end = section(text, heading)
    return [step for block in BLOCK.findall(text[begin:end]) for step in steps(block)]


def play(case, heading, text):
    """Runs the commands of a recipe: pairs of a step as shown and the real output."""
    topology, acts = RECIPES[heading]
    stage = (Pair if acts is fail_over else Stage)(case, topology)
    acts = acts(stage)
    played = []
    for step in shown(text, heading):
        next(acts)
        played.append((step, stage.run(step.command)))
    assert next(acts, "end") == "end", "%s has a command too few" % heading
    return played


def differences(played):
    return ["%s%s\n-- is now --\n%s" % (step.typed, step.output, output)
            for step, output in played if not same(step.output, output)]


def rewritten(text, heading, played):
    """The page with the outputs of one recipe as they are now."""
    begin, end = section(text, heading)
    outputs = iter(played)

    def block(match):
        return "".join(step.typed + next(outputs)[1] for step in steps(match[0]))

    return text[:begin] + BLOCK.sub(block, text[begin:end]) + text[end:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    release_ladders.as_root(__file__)
    found = []
    for number, heading in enumerate(RECIPES):
        text = PAGE.read_text(encoding="utf-8")
        case = Case("recipe-%d" % number)
        try:
            played = play(case, heading, text)
        finally:
            case.close()
        case.forget()
        found += differences(played)
        if differences(played) and not options.check:
            PAGE.write_text(rewritten(text, heading, played), encoding="utf-8")
    if options.check:
        sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main()
