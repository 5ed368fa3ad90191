# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of all flows, gathered from the tests as they end, and docs/flows.md."""

import pathlib

from .table import read

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "docs" / "flows.md"

HEAD = """# Call flows and their release

`make flows` carries each of these flows through a real S-CSCF between SIPp user agents,
once to its end and once for every point at which the network releases a session of it,
with `dialog` and with `ims_dialog`, and writes this file. `sipp-scenarios/NN-NAME` holds
the scenarios, `tests/flows/flow/table.py` the flows message by message.

* *not released*: every message and header field on the wire is the same with the module
  as without it.
* *released*: A calls B, C is the third party; the session is named by its two users. Each
  of them got from the network what its column says and nothing else; Request-URI, To,
  From, Call-ID, CSeq, Route and Reason of each BYE, and Reason and branch of each CANCEL,
  are as they must be, other sessions of the same users went on, and no session, dialog
  or transaction is left. "BYE n" is a BYE with CSeq n, one more than the highest of that
  direction; "BYE random": nothing had been sent in that direction.
* *404*: the session is over, so the command is refused and nothing is sent.
"""

COLUMNS = ["point", "session", "A got", "B got", "C got", "verdict"]


class Report:
    """A pytest plugin. Tests leave their row as the property `row`."""

    def __init__(self, config):
        self._config = config
        self._rows = {}         # (flow, cells) -> test outcomes
        self._unnamed = []

    def pytest_runtest_logreport(self, report):
        properties = dict(report.user_properties)
        if "row" in properties and report.when == "call":
            flow, *cells = properties["row"]
            self._rows.setdefault((flow, tuple(cells)), []).append(report.passed)
        elif report.failed:
            self._unnamed.append(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter):
        if not self._rows or hasattr(self._config, "workerinput"):
            return
        for line in self._plain():
            terminalreporter.write_line(line)

    def pytest_sessionfinish(self, session):
        """Only the table of a whole run, all of it good, is kept."""
        whole = (self._config.getoption("--host") == "both"
                 and not self._config.getoption("keyword")
                 and not self._unnamed and self._good())
        if whole and self._rows and not hasattr(self._config, "workerinput"):
            DOCUMENT.parent.mkdir(exist_ok=True)
            DOCUMENT.write_text(self._markdown(), encoding="utf-8")

    def _good(self):
        return all(all(outcomes) for outcomes in self._rows.values())

    def _by_flow(self):
        for flow in read():
            yield flow, [(cells, "ok" if all(outcomes) else "BAD")
                         for (name, cells), outcomes in self._rows.items()
                         if name == flow.folder]

    def _plain(self):
        for flow, rows in self._by_flow():
            for cells, verdict in rows:
                point, session, *got = cells
                yield "%-24s %-22s %-4s %-72s %s" % (
                    flow, point, session, " | ".join(filter(None, got)), verdict)

    def _markdown(self):
        lines = [HEAD]
        for flow, rows in self._by_flow():
            lines += ["## %s %s" % (flow.number, flow.title), "",
                      "| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
            lines += ["| %s |" % " | ".join([*cells, verdict])
                      for cells, verdict in rows] + [""]
        return "\n".join(lines)
