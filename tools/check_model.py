#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Check the model of the procedure by spin. Run by `make model`.

  tools/check_model.py [options] [CONFIGURATION...]

Each configuration is a run that exhausts its states. A line each says how many,
and what is wrong; its trail is then played by `BUILD/CONFIGURATION/pan -r`.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import fsm_to_promela

ROOT = pathlib.Path(__file__).resolve().parent.parent
CC = ["gcc", "-O2", "-w", "-DCOLLAPSE", "-o", "pan", "pan.c"]

# model/README.md says what each shows.
FORK = "DIALOGS=2 AT_ONCE WHEN=IRL_EARLY"
CONFIGURATIONS = {
    "established": "WHEN=IRL_CONFIRMED REPEAT RETRY",
    "servers": "WHEN=IRL_CONFIRMED REPEAT RETRY SERVER",
    "no_ack": "WHEN=IRL_ANSWERED LOSS=1 REPEAT",
    "early": "WHEN=IRL_EARLY REPEAT",
    "early_lost": "WHEN=IRL_EARLY LOSS=2 REPEAT",
    "early_ended": "WHEN=IRL_EARLY GIVES_UP NO_ANSWER LOSS=1 REPEAT",
    "users": "USER_BYE EXPIRY REPEAT",
    "second": "TRIGGERS=2 USER_BYE RETRY",
    "fork": FORK,
    "fork_lost": FORK + " LOSS=1",
    "fork_ended": FORK + " NO_ANSWER",
}
# What the end of all runs does not show: that they do end. With two callees it
# takes long, and is shown once.
LIVENESS = [name for name in CONFIGURATIONS if not name.startswith("fork_")]

# Checked as the configurations are: that the table is the code's.
TABLE = "fsm.pml"


class Wrong(Exception):
    pass


def run(command, folder):
    done = subprocess.run(command, cwd=folder, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Wrong(f"{command[0]} ended with {done.returncode}\n{done.stdout}")
    return done.stdout


def search(folder, flags, arguments):
    """One run of the verifier: how many states it saw."""
    run(CC + flags, folder)
    out = run(["./pan", "-m100000", *arguments], folder)
    states = re.search(r"(\d+) states, stored", out)
    wrong = re.search(r"^pan:\d+: (.*)$", out, re.M)
    if wrong:
        raise Wrong(wrong[1])
    # without these lines the search was not complete, or never began
    if not states or "errors: 0" not in out or "Search not completed" in out \
            or "max search depth too small" in out:
        raise Wrong(out)
    return int(states[1])


def check(name, model, build):
    """Check one configuration: what to print of it."""
    folder = build / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in ("release.pml", "fsm.pml"):
        shutil.copy(model / file, folder)
    options = ["-D" + option for option in CONFIGURATIONS[name].split()]
    run(["spin", "-a", *options, "release.pml"], folder)
    states = search(folder, ["-DSAFETY", "-DNOCLAIM"], [])
    text = f"{states} states"
    if name in LIVENESS:
        text += f", {search(folder, [], ['-a', '-N', 'goes'])} with the claim"
    return text


def timed(name, function, *arguments):
    """(name, seconds, text, what is wrong or None), printed."""
    start = time.monotonic()
    wrong, text = None, ""
    try:
        text = function(*arguments)
    except Wrong as error:
        wrong = str(error).strip()
    seconds = time.monotonic() - start
    result = f"FAILED: {wrong}" if wrong else f"ok, {text}"
    print(f"{name:12} {seconds:6.1f} s  {result}", flush=True)
    return name, seconds, text, wrong


def check_table(model):
    """The committed fsm.pml is what core_fsm.c says."""
    try:
        text = fsm_to_promela.promela(fsm_to_promela.SOURCE)
    except fsm_to_promela.Unreadable as error:
        raise Wrong(f"core_fsm: {error}") from error
    if (model / "fsm.pml").read_text(encoding="utf-8") != text:
        raise Wrong("fsm.pml is not that of core_fsm.c: run tools/fsm_to_promela.py")
    return f"{text.count(':: ev ==')} cells, as core_fsm.c has them"


def write_report(path, results):
    suite = ElementTree.Element(
        "testsuite", name="model", tests=str(len(results)),
        failures=str(sum(bool(wrong) for *_, wrong in results)))
    for name, seconds, text, wrong in results:
        case = ElementTree.SubElement(suite, "testcase", classname="model",
                                      name=name, time=f"{seconds:.3f}")
        if wrong:
            ElementTree.SubElement(case, "failure").text = wrong
        else:
            ElementTree.SubElement(case, "system-out").text = text
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "model",
                        help="folder of release.pml and fsm.pml")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/model")
    parser.add_argument("--report", type=pathlib.Path, help="JUnit XML to write")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("name", nargs="*", metavar="CONFIGURATION",
                        help=f"unless all: {', '.join([TABLE, *CONFIGURATIONS])}")
    args = parser.parse_args()
    unknown = set(args.name) - set(CONFIGURATIONS) - {TABLE}
    if unknown:
        parser.error(f"no such configuration: {', '.join(sorted(unknown))}")

    def one(name):
        if name == TABLE:
            return timed(name, check_table, args.model)
        return timed(name, check, name, args.model, args.build.resolve())

    with ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(one, args.name or [TABLE, *CONFIGURATIONS]))
    if args.report:
        write_report(args.report, results)
    failed = sum(bool(wrong) for *_, wrong in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    sys.exit(main())
