#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the table of docs/releases.md: what passed on each release of Debian.

It is made of the reports that the tests have left (build/report of this
machine, build/RELEASE/report of the root folders) and of the versions that are
installed there. A report that is missing is a failure of this program.
"""

import datetime
import os
import subprocess
import sys
from xml.etree import ElementTree

RELEASES = {"debian12": "Debian 12", "debian13": "Debian 13"}
PACKAGES = {"kamailio": "Kamailio", "sip-tester": "SIPp", "gcc": "gcc",
            "clang": "clang"}
SUITES = ["unit", "fuzz", "model", "tools", "e2e", "flows", "memcheck", "ims"]
# Tests of several releases: the release stands in the name of each case.
SHARED = ["test-packages", "test-fresh"]
FILE = "docs/releases.md"
MARK = "<!-- the table: made by tools/releases.py -->\n"


def this_release():
    with open("/etc/os-release") as file:
        values = dict(line.rstrip("\n").split("=", 1) for line in file)
    return values["ID"] + values["VERSION_ID"].strip('"')


def versions(release):
    """Upstream versions of the packages, as installed on the release."""
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES]
    if release != this_release():
        command = ["tools/root.sh", release, "test", *command]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    pairs = (line.split() for line in said.stdout.splitlines())
    return {name: version.rpartition("-")[0].partition(":")[2]
            or version.rpartition("-")[0] for name, version in pairs}


def count(report, release=""):
    """'passed', with what failed and was skipped, of the cases of a release."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):
        if release not in case.get("name"):
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return (str(passed) + (", %d failed" % failed if failed else "")
            + (", %d skipped" % skipped if skipped else ""))


def row(release):
    folder = "build/report" if release == this_release() \
        else "build/%s/report" % release
    installed = versions(release)
    cells = [RELEASES[release]] + [installed[package] for package in PACKAGES]
    cells += [count("%s/%s.xml" % (folder, suite)) for suite in SUITES]
    cells += [count("build/report/%s.xml" % suite, release) for suite in SHARED]
    return cells


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    names = SUITES + [name.partition("-")[2] for name in SHARED]
    head = ["release", *PACKAGES.values(), *names]
    table = line(head) + "|---" * len(head) + "|\n"
    table += "".join(line(row(release)) for release in RELEASES)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    table += "\n%s, commit %s.\n" % (datetime.date.today().isoformat(), commit)
    with open(FILE) as file:
        before, mark, _ = file.read().partition(MARK)
    with open(FILE, "w") as file:
        file.write(before + mark + table)
    print(table)


if __name__ == "__main__":
    sys.exit(main())
