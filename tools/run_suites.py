#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run test suites one after the other and print the total.

A suite NAME is the target `make NAME`, which leaves build/report/NAME.xml
(JUnit). It runs whatever became of the suites before it. A suite that fails
without a failed test, or that ran no test, counts as one failure.
"""

import os
import subprocess
import sys
import time
from xml.etree import ElementTree


def count(report):
    """Tests passed, failed and skipped according to a JUnit file."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def run(name, folder):
    """Run one suite; its line of the table."""
    report = os.path.join(folder, name + ".xml")
    if os.path.exists(report):
        os.remove(report)
    print(f"== {name}", flush=True)
    start = time.monotonic()
    code = subprocess.run(["make", "--no-print-directory", name]).returncode
    seconds = time.monotonic() - start
    try:
        passed, failed, skipped = count(report)
    except (OSError, ElementTree.ParseError):
        passed = failed = skipped = 0
    if not failed and (code != 0 or not passed):
        failed = 1
    return name, passed, failed, skipped, seconds


def main():
    folder, *suites = sys.argv[1:]
    table = [run(name, folder) for name in suites]
    print(f"\n{'suite':10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, passed, failed, skipped, seconds in table:
        print(f"{name:10}{passed:8}{failed:8}{skipped:9}{seconds:9.1f}")
    passed = sum(line[1] for line in table)
    failed = sum(line[2] for line in table)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
