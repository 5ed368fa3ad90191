# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of ims_release_top."""

import argparse
import contextlib
import curses
import json
import locale
import os
import shutil
import signal
import sys
import time

from . import draw
from .model import Model
from .rpc import Rpc
from .screen import Screen, terminal, too_small

UNWRITTEN = 3
SOCKET = "/run/kamailio/kamailio_rpc.sock"
ABOUT = """\
Watch the sessions that a Kamailio with ims_release holds and the jobs that release
them; start and cancel jobs, after asking."""
MORE = """\
SOCKET is the `dgram_socket` of Kamailio's jsonrpcs module (its `transport` 4). It is
asked one short question after the other, and from the network namespace in which
Kamailio runs. No colour is used. Exit code: 0; 1 no Kamailio with ims_release answers;
2 the command line or the terminal will not do; 3 what is to be printed cannot be written;
130 Ctrl-C; 143 SIGTERM."""


def seconds(text):
    value = float(text)
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not from 0.1 to 3600")
    return value


def arguments():
    parser = argparse.ArgumentParser(
        prog="ims_release_top", description=ABOUT, epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("-s", dest="socket", metavar="SOCKET", default=SOCKET, help=f"default {SOCKET}")
    add("-i", dest="interval", metavar="SECONDS", type=seconds, default=1.0,
        help="between two looks, default 1")
    add("--once", action="store_true",
        help="print what there is to see as plain text, after SECONDS for the rates")
    add("--json", action="store_true", help="the same as JSON")
    return parser.parse_args()


def once(model, interval, as_json):
    if not sys.stdout:
        return refuse("standard output is closed", UNWRITTEN)
    if not model.refresh():
        return refuse(f"{model.rpc.path}: {model.away}", 1)
    time.sleep(interval)
    model.again()
    if not model.refresh():
        return refuse(f"{model.rpc.path}: {model.away}", 1)
    if as_json:
        lines = [json.dumps(model.as_dict(), indent=2)]
    else:
        lines = draw.frame(model, max(shutil.get_terminal_size().columns,
                                      draw.WIDTH_MIN))
    sys.stdout.reconfigure(errors="replace")
    print("\n".join(lines))
    return 0


def terminal_error():
    """Why this is no terminal to draw upon, or None."""
    hint = "--once prints plain text"
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        return f"standard input and output are no terminal; {hint}"
    try:
        curses.setupterm()
    except curses.error as error:
        return f"TERM={os.environ.get('TERM', '')}: {error}; {hint}"
    if not (curses.tigetstr("cup") and curses.tigetstr("clear")):
        return f"the terminal {os.environ['TERM']} cannot place its cursor; {hint}"
    small = too_small(*os.get_terminal_size())
    return f"{small}; {hint}" if small else None


def refuse(text, code):
    with contextlib.suppress(OSError):      # the code says it
        sys.stderr.write(f"ims_release_top: {text}\n")
    return code


def main():
    """The exit code, when all that was printed is written."""
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")
    try:
        try:
            return run()
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except OSError as error:
        discard(1)
        if isinstance(error, BrokenPipeError):
            return UNWRITTEN        # no news to who closed it
        return refuse(f"standard output: {error.strerror}", UNWRITTEN)
    finally:
        try:
            sys.stderr.flush()
        except OSError:
            discard(2)      # else Python ends with a code of its own


def discard(stream):
    """What is left of it to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def run():
    options = arguments()
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        pass        # one that is not installed: plain ASCII it is
    model = Model(Rpc(options.socket))
    # the terminal is to be left as it was
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if options.once or options.json:
            return once(model, options.interval, options.json)
        trouble = terminal_error()
        if trouble:
            return refuse(trouble, 2)
        with terminal() as window:
            Screen(window, model, options.interval).run()
    except KeyboardInterrupt:
        return 130
    return 0
