#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The states of a session, drawn and tabulated from core_fsm.c. Run by `make docs`.

    states.py           writes docs/states.dot, docs/states.svg (by Graphviz) and the
                        table between the markers of docs/architecture.md
    states.py --check   says which of them is old; the SVG is not looked at
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "modules" / "ims_release"
DOT = ROOT / "docs" / "states.dot"
PAGE = ROOT / "docs" / "architecture.md"
MARKS = "<!-- states: made by tools/states.py -->", "<!-- end of states -->"

# What users call the states of a release under way, and the others.
COLOURS = {"early": "#fff4d6", "answered": "#fff4d6", "confirmed": "#dff3df",
           "releasing": "#dde9fb", "released": "#eeeeee"}
ACTIONS = {"CANCEL": "end the INVITE", "AWAIT_ACK": "start the timer for the ACK",
           "ACK": "ACK in the caller's place", "PAIR": "the pair of BYEs",
           "LATE": "ACK and BYE for the late 2xx", "FINISH": "account, log, end the"
           " dialog module's record", "ERASE": "erase the record"}


def enumerated(text, name):
    """The members of an enum, without IRL_, and what their comments say."""
    body = re.search(r"enum %s\n\{\n(.*?)\n\};" % name, text, re.S)[1]
    found = re.findall(r"IRL_(\w+)\b[^,/\n]*,?\s*(?:/\*\*<\s*(.*?)\s*\*/)?", body)
    return {member: comment for member, comment in found}


def read():
    """(states, events, table): table[state][event] = (next, [actions])."""
    header = (SOURCE / "core_fsm.h").read_text(encoding="utf-8")
    code = (SOURCE / "core_fsm.c").read_text(encoding="utf-8")
    states = enumerated(header, "irl_state")
    events = {name[3:]: comment
              for name, comment in enumerated(header, "irl_event").items()}
    table = {state: {} for state in states}
    rows = re.search(r"table\[IRL_STATES\].*?= \{\n(.*?)\n\};", code, re.S)[1]
    for state, row in re.findall(r"\[IRL_(\w+)\] = \{\n(.*?)\n\t\}", rows, re.S):
        for event, following, actions in re.findall(
                r"\[IRL_EV_(\w+)\]\s*= TO\((\w+),\s*([^)]*)\)", row):
            table[state][event] = following, re.findall(r"IRL_DO_(\w+)", actions)
    assert sum(map(len, table.values())) == code.count("= TO(")
    return states, events, table


def user_names(states):
    """What irl_state_name() calls each."""
    code = (SOURCE / "core_fsm.c").read_text(encoding="utf-8")
    body = re.search(r"irl_state_name\(.*?\n\}\n", code, re.S)[0]
    names = dict.fromkeys(states, re.search(r'default:\s*return "(\w+)"', body)[1])
    for cases, name in re.findall(r'((?:case IRL_\w+:\s*)+)return "(\w+)"', body):
        names.update(dict.fromkeys(re.findall(r"IRL_(\w+)", cases), name))
    return names


def draw(states, table):
    """The graph: what changes the state; within a state, what has something done."""
    names = user_names(states)
    out = [
        "// made by tools/states.py from core_fsm.c",
        "digraph states {",
        '\tgraph [rankdir=TB, nodesep=0.7, ranksep=0.5, fontname="DejaVu Sans"];',
        '\tnode [shape=box, style="rounded,filled", fontname="DejaVu Sans",'
        " fontsize=11];",
        '\tedge [fontname="DejaVu Sans", fontsize=9, arrowsize=0.7];',
        '\tstart [shape=point, width=0.12];',
        '\tstart -> EARLY [label=" INVITE"];',
    ]
    for state, row in table.items():
        lines = [state, names[state]]
        edges = {}
        for event, (following, actions) in row.items():
            if following != state:
                edges.setdefault((following, tuple(actions)), []).append(event)
            elif actions:
                lines.append("%s / %s" % (event, ", ".join(actions)))
        out.append('\t%s [label="%s", fillcolor="%s"];' % (
            state, "\\n".join(lines), COLOURS[names[state]]))
        for (following, actions), events in edges.items():
            label = ", ".join(events)
            if actions:
                label += "\\n/ " + ", ".join(actions)
            out.append('\t%s -> %s [label=" %s"];' % (state, following, label))
    return "\n".join(out) + "\n}\n"


def tabulate(states, events, table):
    """The table in Markdown: each state, each event that is legal in it."""
    names = user_names(states)
    out = ["| state | to users | event | next | to be done |", "|---|---|---|---|---|"]
    for state, row in table.items():
        first = "**%s**: %s" % (state, states[state]), "`%s`" % names[state]
        for event, (following, actions) in row.items():
            what = "; ".join(ACTIONS[action] for action in actions)
            same = "" if following == state else following
            out.append("| %s | %s | %s | %s | %s |" % (*first, event, same, what))
            first = "", ""
        if not row:
            out.append("| %s | %s | | | |" % first)
    out += ["", "An empty *next* is the same state. Each pair that is not in the table is"
            " illegal: refused,", "logged at DEBUG, and without effect. The events:", "",
            "| event | |", "|---|---|"]
    out += ["| %s | %s |" % (event, comment or COMMENTLESS[event])
            for event, comment in events.items()]
    return "\n".join(out)


COMMENTLESS = {"ACK": "the caller's ACK for the 2xx, at the last pass that it makes"}


def with_table(page, text):
    start, end = (page.index(mark) for mark in MARKS)
    return page[:start + len(MARKS[0])] + "\n" + text + "\n" + page[end:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    states, events, table = read()
    dot = draw(states, table)
    page = PAGE.read_text(encoding="utf-8")
    new = with_table(page, tabulate(states, events, table))
    if options.check:
        known = DOT.read_text(encoding="utf-8") if DOT.exists() else ""
        old = [str(path) for path, is_old in ((DOT, known != dot), (PAGE, page != new))
               if is_old]
        sys.exit("old, `make docs` writes them anew: " + ", ".join(old) if old else 0)
    DOT.write_text(dot, encoding="utf-8")
    PAGE.write_text(new, encoding="utf-8")
    subprocess.run(["dot", "-Tsvg", "-o", DOT.with_suffix(".svg"), DOT], check=True)


if __name__ == "__main__":
    main()
