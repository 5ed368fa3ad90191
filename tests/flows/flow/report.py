# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of all flows, gathered from the tests as they end, and docs/flows.md."""

import pathlib

from .check import got
from .model import stops_of
from .table import read

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "docs" / "flows.md"

HEAD = """# Call flows and their release

`make flows` carries each of these flows through a real S-CSCF between SIPp user
agents, once to its end and once for every point at which the network releases a
session of it, with `dialog` and with `ims_dialog`, and writes this file.
`sipp-scenarios/NN-NAME` holds the scenarios, `tests/flows/flow/table.py` the flows
message by message: there each point has its place.

A calls B, C is the third party. A session is named by its two users; another one of
the same users goes on when it is released. A flow that begins as another one does is
released from where it goes its own way.

* **not released**: each message and header field on the wire is the same with the
  module as without it.
* **BYE *n***: a BYE with CSeq *n*, one more than the highest of that direction;
  *random*: nothing was sent in that direction before. Request-URI, To, From, Call-ID,
  Route, Reason and the way of each are as TS 24.229 5.4.5.1.2 has them.
* **CANCEL**: with the Reason, once; to a callee from whom nothing has come yet, after
  his first provisional response.
* **503 to its INVITE**: the caller's final response, with the Reason.
* **nothing (404)**: the session is over: the command is refused, nothing is sent.
* **ok**: each party got from the network what its column says and nothing else, every
  other message of the flow passed as it does without a release, and no record and no
  dialog was left but those that the dialog module leaves without the module, too.
"""

COLUMNS = ["point", "session", "A got", "B got", "C got", "verdict"]


def rows():
    """(flow, stop or None, cells) of each row, in the order of the table."""
    for flow in read():
        yield flow, None, _row("not released", "", dict.fromkeys(flow.parties,
                                                                 "the flow"))
        for stop in stops_of(flow):
            yield flow, stop, _row(stop.point, stop.session.name, got(stop))


def _row(point, session, words):
    return [point, session] + [words.get(party, "") for party in "ABC"]


class Report:
    """A pytest plugin. Tests leave the name of their row as the property `row`."""

    def __init__(self, config):
        self._config = config
        self._outcomes = {}
        self._complete = True

    def pytest_runtest_logreport(self, report):
        name = dict(report.user_properties).get("row")
        if name and report.when == "call":
            self._outcomes.setdefault(name, []).append(report.passed)
        self._complete &= not report.failed

    def pytest_terminal_summary(self, terminalreporter):
        for flow, stop, cells in rows():
            verdict = self._verdict(flow, stop)
            if verdict:
                point, session, *words = cells
                terminalreporter.write_line("%-25s %-22s %-3s %-72s %s" % (
                    flow, point, session, " | ".join(filter(None, words)), verdict))

    def pytest_sessionfinish(self):
        """Only the table of a whole run, all of it good, is kept."""
        if hasattr(self._config, "workerinput") or not self._complete:
            return
        if all(len(self._outcomes.get(name(flow, stop), [])) == 2
               for flow, stop, _ in rows()):
            DOCUMENT.parent.mkdir(exist_ok=True)
            DOCUMENT.write_text(self._markdown(), encoding="utf-8")

    def _verdict(self, flow, stop):
        outcomes = self._outcomes.get(name(flow, stop))
        return outcomes and ("ok" if all(outcomes) else "BAD")

    def _markdown(self):
        lines, last = [HEAD], None
        for flow, stop, cells in rows():
            if flow is not last:
                lines += ["", "## %s %s" % (flow.number, flow.title), "",
                          "| " + " | ".join(COLUMNS) + " |",
                          "|" + "---|" * len(COLUMNS)]
                last = flow
            lines.append("| %s |" % " | ".join([*cells, self._verdict(flow, stop)]))
        return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def name(flow, stop):
    """Of a row; a flow and a point may have the same name."""
    return flow.folder + (" " + stop.name if stop else "")
