# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does, as questions on one line: each leads to another question or
to a message, and nothing is done before a `yes`."""

import re
from dataclasses import dataclass
from typing import Callable

from .rpc import Fault, RpcError


@dataclass
class Question:
    text: str
    then: Callable              # of the answer: a Question, a message, or None
    answer: str = ""
    about: str = ""             # what the text is about, on a line of its own
    confirms: bool = False      # nothing that was typed before counts

    def key(self, key):
        """A character or Backspace."""
        if key in ("\b", "\x7f"):
            self.answer = self.answer[:-1]
        elif key == "\x15":                                     # Ctrl-U
            self.answer = ""
        elif key.isprintable():
            self.answer += key

    def done(self):
        """Enter: what follows."""
        try:
            return self.then(self.answer.strip())
        except RpcError as error:
            return str(error)


def words_of(text):
    """SELECTOR VALUE [CAUSE [TEXT]] as typed for kamcmd; TEXT needs no quotes."""
    words = text.split(None, 3)
    if len(words) < 2:
        raise RpcError("a selector and its value are needed: h tells which there are")
    if len(words) == 4:
        words[3] = re.sub(r'^"(.*)"$', r"\1", words[3])
    return words


def sessions(number):
    return "1 session" if number == 1 else f"{number} sessions"


def sure(about, text, act, otherwise):
    """A yes to be typed in full; anything else is a no."""
    def then(answer):
        if answer.lower() != "yes":
            return otherwise
        try:
            return act()
        except Fault:
            raise
        except RpcError as error:
            return f"{error}: look whether it was done all the same"

    return Question(f"{text} (yes/no) ", then, about=about, confirms=True)


def release(rpc, selection=""):
    def dry_run(answer):
        words = words_of(answer)
        matched = rpc("ims_release.list", *words[:2], 0, 1)["matched"]
        what = " ".join(words[:2])
        if not matched:
            return f"no session matches {what}"
        why = f", with {' '.join(words[2:])}" if words[2:] else ""
        return sure(f"{sessions(matched)} found by {what}{why}", "Release?",
                    lambda: start(words), "nothing was released")

    def start(words):
        reply = rpc("ims_release.release", *words)
        return f"job {reply['job']} releases {sessions(reply['matched'])}"

    return Question("release SELECTOR VALUE [CAUSE [TEXT]]: ", dry_run, selection)


def cancel(rpc, job=""):
    def look(answer):
        if not answer:
            return "no job was cancelled"
        state = rpc("ims_release.job", answer)
        if state["state"] != "running":
            return f"job {answer} is {state['state']}"
        return sure(f"job {answer} releases {sessions(state['matched'])} found by "
                    f"{state['selector']} {state['value']}", "Cancel it?",
                    lambda: stop(answer), f"job {answer} goes on")

    def stop(number):
        rpc("ims_release.cancel", number)
        return f"job {number} is cancelled"

    return Question("cancel JOB: ", look, str(job))


def limit(rpc):
    def put(answer):
        if not answer:
            return "the limit stays as it is"
        now = rpc("ims_release.rate", answer)["job_rate"]
        return f"jobs start {sessions(now)} a second at most" if now else (
            "no limit but job_window")

    return Question("sessions a second that jobs start, 0 for no limit: ", put)


def select(rpc, model):
    def look(answer):
        words = words_of(answer)
        if len(words) > 2:
            return "a selector and its value are needed, no more"
        rpc("ims_release.list", *words, 0, 1)
        model.selection, model.offset = tuple(words), 0
        return None

    return Question("list SELECTOR VALUE: ", look)
