#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures of the house and of the procedure. Run by `make docs`.

    house.py           writes docs/house.dot from the layers in docs/architecture.md and
                       from what the sources include, and by Graphviz docs/house.svg
                       and, from docs/procedure.dot, docs/procedure.svg
    house.py --check   says what of it is old; of an SVG the words are looked at
"""

import argparse
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "modules" / "ims_release"
DOCS = ROOT / "docs"
HOUSE, PROCEDURE = DOCS / "house.dot", DOCS / "procedure.dot"
COLOURS = ["#f3f3f3", "#fff4d6", "#dff3df", "#dde9fb", "#f6e3f3", "#f3e9dd", "#eeeeee",
           "#e3f3f3"]
# Those that all others use: their lines would hide the rest.
EVERYWHERE = {"settings", "core"}


def layers():
    """Layer -> its files, the highest first, from the table in architecture.md."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("| layer | files |")[2].partition("\n\n")[0]
    rows = [row.split("|") for row in table.splitlines()[2:]]
    return {row[1].strip(): re.findall(r"`(\w+)`", row[2]) for row in rows}


def includes():
    """File -> what it includes: files of ours, and modules of Kamailio."""
    found = {}
    for path in sorted(SOURCE.glob("*.[ch]")):
        text = path.read_text(encoding="utf-8")
        used = found.setdefault(path.stem, set())
        used |= set(re.findall(r'#include "(\w+)\.h"', text)) - {path.stem}
        used |= set(re.findall(r'#include "modules/(\w+)/', text))
    return found


def reachable(graph, start, without):
    """What start leads to by other ways than that one line."""
    seen, ahead = {start}, [node for node in graph.get(start, ()) if node != without]
    while ahead:
        node = ahead.pop()
        if node not in seen:
            seen.add(node)
            ahead += graph.get(node, ())
    return seen


def reduced(graph):
    """Without the lines that others imply."""
    return {(node, other) for node, others in graph.items() for other in others
            if other not in reachable(graph, node, other)}


def draw():
    rows, uses = layers(), includes()
    layer = {name: row for row, names in rows.items() for name in names}
    graph = {name: {other for other in others if layer.get(other) not in EVERYWHERE}
             for name, others in uses.items() if layer[name] not in EVERYWHERE}
    outside = {other for others in uses.values() for other in others} - set(layer)
    out = [
        "// made by tools/house.py from docs/architecture.md and the sources",
        "digraph house {",
        '\tgraph [rankdir=TB, nodesep=0.15, ranksep=0.45, newrank=true, compound=true,'
        ' fontname="DejaVu Sans", fontsize=11, labeljust=l];',
        '\tnode [shape=box, style=filled, fillcolor=white, fontname="DejaVu Sans",'
        " fontsize=10, height=0.3, margin=\"0.08,0.03\"];",
        "\tedge [arrowsize=0.6, color=gray40];",
    ]
    for number, (row, names) in enumerate(rows.items()):
        out += ["\tsubgraph cluster_%d {" % number,
                '\t\tlabel="%s"; style="rounded,filled"; color="%s";' % (
                    row, COLOURS[number % len(COLOURS)]),
                "\t\t{ rank=same; %s }" % "; ".join(names), "\t}"]
    firsts = [names[0] for names in rows.values()]
    out += ["\t%s -> %s [style=invis, weight=10];" % pair
            for pair in zip(firsts, firsts[1:])]
    out += ['\t%s [label="Kamailio: %s", shape=component];' % (name, name)
            for name in sorted(outside)]
    out += ["\t%s -> %s%s;" % (name, other, "" if layer[name] != layer.get(other)
                               else " [constraint=false]")
            for name, other in sorted(reduced(graph))]
    return "\n".join(out) + "\n}\n"


def words(text):
    return sorted(set(re.findall(r"\w+", text)))


def is_old(dot):
    """An SVG that lacks a node or a label of its source."""
    svg = dot.with_suffix(".svg")
    if not svg.exists():
        return True
    shown = words(" ".join(ElementTree.parse(svg).getroot().itertext()))
    source = dot.read_text(encoding="utf-8")
    labels = [label.replace("\\n", " ").replace("\\l", " ")
              for label in re.findall(r'\blabel="([^"]*)"', source)]
    return not set(words(" ".join(labels))) <= set(shown)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    house = draw()
    if options.check:
        known = HOUSE.read_text(encoding="utf-8") if HOUSE.exists() else ""
        old = [str(HOUSE)] if known != house else []
        old += [str(dot.with_suffix(".svg")) for dot in (HOUSE, PROCEDURE)
                if is_old(dot)]
        sys.exit("old, `make docs` writes them anew: " + ", ".join(old) if old else 0)
    HOUSE.write_text(house, encoding="utf-8")
    for dot in (HOUSE, PROCEDURE):
        subprocess.run(["dot", "-Tsvg", "-o", dot.with_suffix(".svg"), dot], check=True)


if __name__ == "__main__":
    main()
