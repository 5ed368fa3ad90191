# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of a run: ours, the peer's, the ratio, the goal."""

import dataclasses
import typing

HEAD = ("figure", "ours", "peer", "ratio", "goal", "reached")


@dataclasses.dataclass
class Row:
    """A figure. goal: of the ratio; of the figure itself when there is no ratio.

    more    whether more is better
    """

    name: str
    ours: float
    peer: typing.Optional[float]
    goal: typing.Optional[float]
    more: bool = False
    ratio: bool = True

    @property
    def judged(self):
        if not self.ratio:
            return self.ours
        # as it is shown
        return round(self.ours / self.peer, 3) if self.peer else float("inf")

    @property
    def reached(self):
        if self.goal is None:
            return None
        return self.judged >= self.goal if self.more else self.judged <= self.goal

    def cells(self):
        return (self.name, number(self.ours), number(self.peer),
                "%.3f" % self.judged if self.ratio else "",
                "" if self.goal is None else
                "%s %g" % (">=" if self.more else "<=", self.goal),
                {None: "", True: "yes", False: "NO"}[self.reached])


def number(value):
    """So many digits as mean something."""
    if value is None:
        return ""
    if value == int(value) or abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "%.3g" % value


class Table:
    def __init__(self, figures):
        self.figures = figures
        self.rows = {figure: [] for figure in figures}
        self.profiles = {figure: [] for figure in figures}
        self._figure = None

    def begin(self, figure):
        self._figure = figure

    def row(self, name, ours, peer=None, goal=None, **kwargs):
        """Adds a figure; returns whether it reaches its goal."""
        row = Row(name, ours, peer, goal, **kwargs)
        self.rows[self._figure].append(row)
        return row.reached

    def profile(self, title, lines):
        """Adds (instructions, function) pairs that say where the work is."""
        self.profiles[self._figure].append((title, list(lines)))

    def text(self):
        lines = [HEAD]
        for figure in self.figures:
            lines += [row.cells() for row in self.rows[figure]]
        widths = [max(map(len, column)) for column in zip(*lines)]
        out = ["  ".join([cell.ljust(widths[0]) if n == 0 else cell.rjust(widths[n])
                          for n, cell in enumerate(line)]).rstrip() for line in lines]
        return "\n".join([*out, *self._profile_text()])

    def _profile_text(self):
        for figure in self.figures:
            for title, lines in self.profiles[figure]:
                yield "\n%s" % title
                yield from ("%12s  %s" % (number(count), name) for count, name in lines)
