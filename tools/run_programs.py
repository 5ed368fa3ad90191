#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run test programs and write what came out as JUnit XML.

A program that prints TAP (cmocka does) counts test by test. Any other is one
test, passed when it exits 0. A TAP program that crashed, or that a sanitizer
stopped, is one failure more: it fails without saying which test did, or has
run fewer tests than planned.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

TAP_PLAN = re.compile(r"^1\.\.(\d+)$", re.MULTILINE)
TAP_LINE = re.compile(r"^(ok|not ok) (?:\d+ )?(?:- )?(.*)$", re.MULTILINE)
NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


def without_randomized_addresses():
    """Prefix of a command that gives sanitizers an address space they can use.

    With many random bits (vm.mmap_rnd_bits=32) the runtime libraries of
    gcc 12 and clang 14 crash now and then before main().
    """
    prefix = ["setarch", "-R"]
    works = subprocess.run(prefix + ["true"], stderr=subprocess.DEVNULL)
    return prefix if works.returncode == 0 else []


class Program:
    """One run: its tests as (name, failure text or None)."""

    def __init__(self, command, prefix, timeout):
        argv = shlex.split(command)
        self.name = os.path.basename(argv[0])
        self.is_tap = False
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
        start = time.monotonic()
        try:
            run = subprocess.run(
                prefix + argv,
                env=env,
                timeout=timeout,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            output, end = run.stdout, run.returncode
        except subprocess.TimeoutExpired as late:
            output, end = late.stdout or b"", "timeout"
        except OSError as error:
            output, end = str(error).encode(), "not started"
        self.seconds = time.monotonic() - start
        self.output = NOT_XML.sub("?", output.decode("utf-8", "replace"))
        self.tests = self.count(end)
        self.failed = sum(1 for _, failure in self.tests if failure)
        self.passed = len(self.tests) - self.failed

    def count(self, end):
        tests = [
            (name, self.output if result == "not ok" else None)
            for result, name in TAP_LINE.findall(self.output)
        ]
        planned = sum(int(n) for n in TAP_PLAN.findall(self.output))
        self.is_tap = bool(planned or tests)
        unexplained = end != 0 and not any(failure for _, failure in tests)
        if unexplained or len(tests) < planned:
            tests.append(("end of program", f"ended with {end}\n{self.output}"))
        elif not tests:
            tests.append((self.name, None))
        return tests

    def __str__(self):
        text = f"{self.name}: {self.passed} passed, {self.failed} failed"
        lines = self.output.rstrip().splitlines()
        if self.failed:
            return "\n".join([text] + ["    " + line for line in lines])
        if not self.is_tap and lines:
            text += f" ({lines[-1]})"
        return text


def write_report(path, programs):
    root = ElementTree.Element("testsuites")
    for program in programs:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=program.name,
            tests=str(len(program.tests)),
            failures=str(program.failed),
            time=f"{program.seconds:.3f}",
        )
        for name, failure in program.tests:
            case = ElementTree.SubElement(
                suite, "testcase", classname=program.name, name=name
            )
            if failure:
                ElementTree.SubElement(case, "failure").text = failure
    os.makedirs(os.path.dirname(path), exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", required=True, help="JUnit XML to write")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=300, help="seconds each")
    parser.add_argument("command", nargs="*", help="a program and its arguments")
    args = parser.parse_args()

    prefix = without_randomized_addresses()
    programs = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for program in pool.map(
            lambda command: Program(command, prefix, args.timeout), args.command
        ):
            print(program, flush=True)
            programs.append(program)
    write_report(args.report, programs)

    passed = sum(program.passed for program in programs)
    failed = sum(program.failed for program in programs)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
