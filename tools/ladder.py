#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draw the ladder of the SIP messages of a capture, as text or as SVG.

    ladder.py call.pcap --name 127.0.0.2:5060=Alice --name 127.0.0.1=S-CSCF
    ladder.py call.pcap --only 1-4711@127.0.0.2 --skip-100 --svg call.svg
"""

import argparse
import sys
from dataclasses import dataclass
from xml.sax.saxutils import escape

import sipcap

WIDTH = 100
GUTTER = 10  # of the text, for the time
AGAIN = "↻"  # marks a retransmission
LEGEND = f"{AGAIN} retransmission"
NARROWEST = 8


@dataclass
class Row:
    """A message from one column to another; a note when columns are None."""

    ms: float
    label: str
    source: int = None
    target: int = None
    again: bool = False

    @property
    def is_note(self):
        return self.source is None

    @property
    def caption(self):
        return f"{self.label} {AGAIN}" if self.again else self.label

    @property
    def stroke(self):
        return "╌" if self.again else "─"


@dataclass
class Ladder:
    columns: list
    rows: list

    @property
    def again(self):
        return any(row.again for row in self.rows)


class Names:
    """Which column an endpoint belongs to; unnamed ones get their own."""

    def __init__(self, names):
        """names: (address or address:port, name) in the order of columns."""
        self.known = dict(names)
        self.columns = list(dict.fromkeys(self.known.values()))

    def learn(self, messages):
        """A request over TCP leaves from any port: its Via tells whose it is."""
        for message in messages:
            if message.is_request and message.transport == "tcp":
                sent_by = (message.get("Via") or "").partition(";")[0]
                name = self._find(sent_by.rpartition(" ")[2])
                if name and not self._find(message.src):
                    self.known[message.src] = name

    def column(self, endpoint):
        name = self._find(endpoint) or endpoint
        if name not in self.columns:
            self.columns.append(name)
        return self.columns.index(name)

    def _find(self, endpoint):
        return self.known.get(endpoint) or self.known.get(sipcap.host_of(endpoint))


def build(messages, names=(), notes=()):
    """The ladder of messages; notes: (epoch seconds, text)."""
    names = Names(names)
    names.learn(messages)
    if not messages:
        return Ladder(names.columns, [])
    start = messages[0].time
    seen = set()
    rows = []
    for message in messages:
        # The same octets, the branch among them, between the same two: sent again.
        key = (message.src, message.dst, message.data)
        columns = names.column(message.src), names.column(message.dst)
        ms = (message.time - start) * 1000
        rows.append(Row(ms, sipcap.label(message), *columns, again=key in seen))
        seen.add(key)
    rows += [Row((time - start) * 1000, text) for time, text in notes]
    return Ladder(names.columns, sorted(rows, key=lambda row: row.ms))


def select(messages, call_ids=(), skip_100=False):
    """The messages of these Call-IDs (of all when none is given)."""
    return [
        message
        for message in messages
        if (not call_ids or message.call_id in call_ids)
        and not (skip_100 and message.code == 100)
    ]


# --- text ---------------------------------------------------------------------


def draw_text(ladder, width=WIDTH):
    """The ladder as lines of at most width columns."""
    if not ladder.columns:
        return "no SIP messages\n"
    sheet = Sheet(ladder, width)
    out = sheet.heads()
    for row in ladder.rows:
        time = f"{row.ms:{GUTTER - 3}.1f}"
        for line in sheet.draw(row):
            out.append(time + line[len(time):])
            time = ""
    if ladder.again:
        out.append(" " * GUTTER + LEGEND)
    return "\n".join(line.rstrip() for line in out) + "\n"


class Sheet:
    """Where the columns stand on lines of characters, and drawing on these."""

    def __init__(self, ladder, width):
        self.names = ladder.columns
        self.width = width
        longest = max(map(len, self.names))
        messages = [row for row in ladder.rows if not row.is_note]
        # Columns stand as far apart as the labels need, if there is room.
        need = [longest + 2, *(len(row.caption) + 7 for row in messages)]
        margin = min((longest + 1) // 2, 6)
        first = GUTTER + margin
        gaps = max(len(self.names) - 1, 1)
        self.gap = min(max(need), (width - 1 - margin - first) // gaps)
        if self.gap < NARROWEST:
            raise sipcap.CaptureError(
                f"{len(self.names)} participants do not fit {width} columns"
            )
        self.lanes = [first + self.gap * i for i in range(len(self.names))]

    def heads(self):
        """The names over their columns; on two levels if one is too long."""
        levels = 2 if max(map(len, self.names)) >= self.gap else 1
        heads = [[" "] * self.width, self._stems()][:levels]
        for i, name in enumerate(self.names):
            if i % 2:
                heads[-1][self.lanes[i]] = " "
            self._put(heads[i % levels], self.lanes[i] - len(name) // 2, name)
        heads.append(self._stems())
        self._put(heads[-1], GUTTER - 5, "ms")
        return ["".join(line) for line in heads]

    def draw(self, row):
        if row.is_note:
            rule = f"┄┄ {row.label} ".ljust(self.width - GUTTER, "┄")
            return [" " * GUTTER + rule]
        draw = self._loop if row.source == row.target else self._arrow
        return ["".join(line) for line in draw(row)]

    def _arrow(self, row):
        line = self._stems()
        start, end = self.lanes[row.source], self.lanes[row.target]
        low, high = min(start, end), max(start, end)
        for i in range(low + 1, high):
            line[i] = "┼" if line[i] == "│" else row.stroke
        if start < end:
            line[start], line[end - 1] = "├", "▶"
            room = low + 1
        else:
            line[start], line[end + 1] = "┤", "◀"
            room = high - self.gap + 1
        # The label stands at the sender's side, to hide no column in between.
        label = f" {row.caption} "
        if len(label) + 3 <= self.gap:
            self._put(line, room + (self.gap - len(label)) // 2, label)
            return [line]
        above = self._stems()
        self._put(above, low + 1 + (high - low - len(label)) // 2, label)
        return [above, line]

    def _loop(self, row):
        """A message to itself; in the last column it turns to the left."""
        first, second = self._stems(), self._stems()
        lane, line = self.lanes[row.source], row.stroke
        right = f"├{line}{line}┐ {row.caption} "
        if lane + len(right) <= self.width:
            self._put(first, lane, right)
            self._put(second, lane, f"│◀{line}┘")
        else:
            left = f" {row.caption} ┌{line}{line}┤"
            self._put(first, lane - len(left) + 1, left)
            self._put(second, lane - 3, f"└{line}▶│")
        return [first, second]

    def _stems(self):
        return ["│" if i in self.lanes else " " for i in range(self.width)]

    def _put(self, line, at, chars):
        at = max(0, min(at, self.width - len(chars)))
        line[at:at + len(chars)] = chars


# --- SVG ----------------------------------------------------------------------

STYLE = """
    text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
    .name { font-weight: bold; text-anchor: middle }
    .time { text-anchor: end; fill: #59636e }
    .label { text-anchor: middle; paint-order: stroke; stroke: #fff;
             stroke-width: 4px }
    .loop, .note { text-anchor: start }
    .note { fill: #9a3412 }
    line, path { stroke: #1f2328; stroke-width: 1.4; fill: none }
    .lane { stroke: #c4ccd4 }
    .again { stroke-dasharray: 5 4 }
    .rule { stroke: #9a3412; stroke-dasharray: 2 4 }
    .box { fill: #eef3f8; stroke: #8c98a4 }
"""
CHAR, STEP, TOP = 8, 30, 50


def draw_svg(ladder, title):
    """The ladder as an SVG document."""
    messages = [row for row in ladder.rows if not row.is_note]
    times = [f"{row.ms:.1f} ms" for row in ladder.rows]
    left = max(map(len, times), default=0) * CHAR + 30
    box = max(map(len, ladder.columns), default=0) * CHAR + 20
    gap = max([box + 20, *((len(row.caption) + 4) * CHAR for row in messages)])
    lanes = [left + box // 2 + gap * i for i in range(len(ladder.columns))]
    # A loop in the last column turns to the right, with its label beside it.
    last = [
        lanes[-1] + 40 + len(row.caption) * CHAR
        for row in messages
        if row.source == row.target == len(lanes) - 1
    ]
    width = max([left + box, *(lane + box // 2 for lane in lanes), *last]) + 15
    height = TOP + STEP * (len(ladder.rows) + 1) + (20 if ladder.again else 0)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">',
        f'  <title id="title">{escape(title)}</title>',
        f'  <desc id="desc">{escape(describe(ladder))}</desc>',
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 10 10" refX="10" refY="5"'
        ' markerWidth="9" markerHeight="9" orient="auto-start-reverse">'
        '<path d="M0 1 L10 5 L0 9 z" style="fill:#1f2328;stroke:none"/>'
        "</marker></defs>",
        f'  <rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    bottom = TOP + STEP * len(ladder.rows) + 12
    for name, x in zip(ladder.columns, lanes):
        out += [
            f'  <rect class="box" x="{x - box // 2}" y="10" width="{box}"'
            ' height="26" rx="4"/>',
            _svg_text("name", x, 28, name),
            f'  <line class="lane" x1="{x}" y1="36" x2="{x}" y2="{bottom}"/>',
        ]
    for i, (row, time) in enumerate(zip(ladder.rows, times)):
        y = TOP + STEP * (i + 1) - 8
        out.append(_svg_text("time", left - 15, y + 4, time))
        if row.is_note:
            out += [
                f'  <line class="rule" x1="{left - 5}" y1="{y + 8}"'
                f' x2="{width - 10}" y2="{y + 8}"/>',
                _svg_text("label note", left - 5, y + 2, row.label),
            ]
        else:
            out += _svg_message(row, lanes, y)
    if ladder.again:
        out.append(_svg_text("loop", left, height - 10, LEGEND))
    return "\n".join(out) + "\n</svg>\n"


def _svg_message(row, lanes, y):
    start, end = lanes[row.source], lanes[row.target]
    kind = ' class="again"' if row.again else ""
    head = ' marker-end="url(#head)"'
    if row.source == row.target:
        return [
            f'  <path{kind} d="M{start} {y - 6} h26 v12 h-24"{head}/>',
            _svg_text("label loop", start + 34, y + 4, row.caption),
        ]
    step = 1 if row.source < row.target else -1
    middle = (start + lanes[row.source + step]) // 2
    return [
        f'  <line{kind} x1="{start}" y1="{y + 4}" x2="{end - 2 * step}"'
        f' y2="{y + 4}"{head}/>',
        _svg_text("label", middle, y - 2, row.caption),
    ]


def _svg_text(kind, x, y, content):
    return f'  <text class="{kind}" x="{x}" y="{y}">{escape(content)}</text>'


def describe(ladder):
    """The ladder in words, for those who cannot see it."""
    steps = [
        f"{row.label}."
        if row.is_note
        else f"{ladder.columns[row.source]} to {ladder.columns[row.target]}: "
        f"{row.label}{', retransmitted' if row.again else ''}."
        for row in ladder.rows
    ]
    return " ".join(steps)


# --- command line -------------------------------------------------------------


def named(argument):
    """'127.0.0.2:5060=Alice' -> ('127.0.0.2:5060', 'Alice')."""
    endpoint, sign, name = argument.rpartition("=")
    if not (sign and endpoint and name):
        raise argparse.ArgumentTypeError(f"{argument!r} is not ADDRESS[:PORT]=NAME")
    return endpoint, name


def noted(argument):
    """'812.5=text' -> (812.5, 'text')."""
    ms, sign, label = argument.partition("=")
    try:
        return float(ms), label
    except ValueError:
        raise argparse.ArgumentTypeError(f"{argument!r} is not MS=TEXT") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("capture", help="a file that tshark reads")
    add("--name", type=named, action="append", default=[],
        metavar="ADDRESS[:PORT]=NAME",
        help="a participant; columns stand in the order given; again for more")
    add("--only", action="append", default=[], metavar="CALL-ID",
        help="messages of this Call-ID alone; again for more")
    add("--skip-100", action="store_true", help="leave 100 responses out")
    add("--note", type=noted, action="append", default=[], metavar="MS=TEXT",
        help="a line across, at so many ms after the first message")
    add("--svg", metavar="FILE", help="draw into this file, not as text")
    add("--title", default="SIP messages", help="title of the SVG")
    options = parser.parse_args()
    try:
        messages = sipcap.read(options.capture)
        messages = select(messages, options.only, options.skip_100)
        if not messages:
            raise sipcap.CaptureError(f"{options.capture}: no such SIP messages")
        notes = [(messages[0].time + ms / 1000, label) for ms, label in options.note]
        ladder = build(messages, options.name, notes)
        if options.svg:
            with open(options.svg, "w", encoding="utf-8") as out:
                out.write(draw_svg(ladder, options.title))
        else:
            sipcap.print_unicode(draw_text(ladder))
    except (sipcap.CaptureError, OSError) as error:
        sys.exit(f"ladder.py: {error}")


if __name__ == "__main__":
    main()
