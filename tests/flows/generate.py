#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write sipp-scenarios/NN-NAME/ of every flow anew."""

import pathlib

from flow.scenario import scenarios
from flow.table import read

SCENARIOS = pathlib.Path(__file__).resolve().parents[2] / "sipp-scenarios"


def files():
    """Path below sipp-scenarios/ -> text."""
    return {"%s/%s" % (flow.folder, name): text
            for flow in read() for name, text in scenarios(flow).items()}


def committed():
    """The same, as it is there."""
    return {str(path.relative_to(SCENARIOS)): path.read_text(encoding="utf-8")
            for path in sorted(SCENARIOS.glob("[0-9][0-9]-*/*.xml"))}


def main():
    made = files()
    for name in committed().keys() - made.keys():
        (SCENARIOS / name).unlink()
    for name, text in made.items():
        path = SCENARIOS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
