# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of plain text for what the model holds, as wide as there is room."""

import time
import unicodedata

from .model import STATES, done

WIDTH_MIN, HEIGHT_MIN = 72, 16
HELP = """\
Up Down PgUp PgDn  move, page     Tab  between jobs and sessions
l  list the sessions of another selector
s  show the session under the cursor in full, as Enter does
r  release sessions: says how many there are, and asks; where a session
   is shown in full, it is that one
c  cancel a job, after asking; what it began is finished
t  set how many sessions all jobs together start a second, 0: no bound
h  this help                      q  quit
Esc  leaves a question, a session, this help

Where a selector is asked for, type it as for kamcmd:
    impu sip:alice@ims.example    served orig, term or both
    contact sip:a@192.0.2.1       state early, answered, confirmed,
    icid 4711                           releasing or released
    callid a84b4c76e66710         id 1570:1
    all *
and for a release, a cause and a text after it if they are to be others
than the defaults:
    impu sip:alice@ims.example 480 Subscription ended""".splitlines()


# -- text ------------------------------------------------------------------------------


def clean(text):
    """Peers chose it: nothing in it may steer the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(text))


def columns(text):
    """How many of the terminal it takes."""
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text, width):
    """Exactly so many columns; what is cut off leaves a '~'."""
    text = clean(text)
    if columns(text) > width:
        while text and columns(text) > width - 1:
            text = text[:-1]
        text = (text + "~")[:max(width, 0)]
    return text + " " * (width - columns(text))


def wrap(text, width, indent="    "):
    """Lines of at most that many columns."""
    text, lines = clean(text), []
    while columns(text) > width:
        end = len(text)
        while columns(text[:end]) > width:
            end -= 1
        lines.append(text[:end])
        text = indent + text[end:]
    return [*lines, text]


def duration(seconds):
    """1:02:03, and days before it."""
    minutes, seconds = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days}d " if days else "") + f"{hours}:{minutes:02}:{seconds:02}"


def bar(part, whole, width):
    """[#####---------]; full only when all is done."""
    room = max(width - 2, 0)
    full = room if part >= whole else min(part * room // whole, room)
    return "[" + "#" * full + "-" * (room - full) + "]"


def rate(value):
    return "-" if value is None else f"{value:.1f}/s"


# -- the head --------------------------------------------------------------------------


COUNTED = ["sessions", "releasing", "jobs", "released", "failed", "byes_sent", "byes_2xx",
           "byes_gone", "byes_refused", "cancels"]
HEAD = """\
sessions {sessions}  releasing {releasing}  jobs {jobs}, limit {limit}
released {released}, {released_rate}  failed {failed}, {failed_rate}  CANCELs {cancels}
BYEs {byes_sent}: 2xx {byes_2xx}  gone {byes_gone}  refused {byes_refused}"""


def head(model, width):
    """Five lines: who it is and how it fares."""
    clock = time.strftime("%H:%M:%S", time.localtime(model.at)) if model.at else "-"
    first = f"ims_release_top  {model.node}  up {duration(model.uptime)}  {clock}"
    if model.away:
        first = f"No Kamailio: {model.away}, retrying, below is {clock}"
    values = {**dict.fromkeys(COUNTED, "-"), **model.statistics}
    limit = {None: "-", 0: "none"}.get(model.job_rate, f"{model.job_rate}/s")
    lines = HEAD.format(limit=limit, released_rate=rate(model.rates.get("released")),
                        failed_rate=rate(model.rates.get("failed")), **values)
    lines = [f"{first}  {model.rpc.path}", *lines.splitlines(), states(model)]
    return [fit(line, width) for line in lines]


def states(model):
    if "states" in model.faults:
        return "states: " + model.faults["states"]
    return "states: " + "  ".join(
        f"{state} {model.states.get(state, '-')}" for state in STATES)


# -- jobs ------------------------------------------------------------------------------


def job_columns(mark, number, state, selection, progress, through, pace, left, width):
    """What is left of the width is shared between the selection and the bar."""
    return fit(f"{mark} {number:<4} {state:<9} {fit(selection, selection_width(width))} "
               f"{fit(progress, bar_width(width))} {through:>13} {pace:>8} {left:>7}",
               width)


def bar_width(width):
    return max((width - 51) * 2 // 5, 6)


def selection_width(width):
    return max(width - 51 - bar_width(width), 6)


def jobs_title(width):
    return job_columns(" ", "JOB", "STATE", "SELECTION", "PROGRESS", "DONE/MATCHED",
                       "RATE", "LEFT", width)


def job_lines(job, width, mark=" "):
    """Two: how far it is, and what the users answered."""
    first = job_columns(
        mark, job["id"], job["state"], f"{job['selector']} {job['value']}",
        bar(done(job), job["matched"], bar_width(width)),
        f"{done(job)}/{job['matched']}", rate(job.get("rate")),
        duration(job["eta_ms"] / 1000 + 0.999) if running(job) else "-", width)
    parts = [f"{leg}{codes(job, leg)}" for leg in ("caller", "callee")]
    parts += [f"{key.replace('_', ' ')} {job[key]}"
              for key in ("failed", "ended", "in_progress") if job[key]]
    if job.get("cause"):
        parts.append(f"cause {job['cause']} {job['text']}")
    return [first, fit("       " + "  ".join(parts), width)]


def running(job):
    return job["state"] == "running" and job.get("eta_ms", -1) >= 0


def codes(job, leg):
    """Each final response of that leg, and how often it came."""
    found = [f" {code['code']}x{code['count']}" for code in job.get("codes", [])
             if code["leg"] == leg]
    return "".join(found) or " -"


# -- sessions --------------------------------------------------------------------------


def sessions_title(model, width):
    """Which are listed, and the names of the columns: two lines."""
    text = "sessions of " + " ".join(model.selection)
    if model.page:
        first, number = model.page["offset"], len(model.page["sessions"])
        shown = f"{first + 1} to {first + number}" if number else "none"
        text += f": {shown} of {model.page['matched']}"
    names = session_line({"state": "STATE", "served": "SERVED", "age": None,
                          "impu": "USER", "to": "TO", "callid": "CALL-ID"}, width)
    return [fit(text, width), names]


def session_line(session, width, mark=" "):
    room = width - 31
    user, callid = room * 3 // 10, room * 4 // 10
    age = "AGE" if session["age"] is None else duration(session["age"])
    return fit(f"{mark} {fit(session['state'], 9)} {fit(session['served'], 6)} "
               f"{fit(age, 9)} {fit(session['impu'], user)} "
               f"{fit(session['to'], room - user - callid)} "
               f"{fit(session['callid'], callid)}", width)


def show_lines(record, width):
    """A session in full, as ims_release.show has it."""
    lines = []

    def add(name, value, indent):
        if isinstance(value, dict):
            lines.append(f"{indent}{name}")
            for item in value.items():
                add(*item, indent + "    ")
        elif isinstance(value, list):
            lines.append(f"{indent}{name}" + ("" if value else "  none"))
            for entry in value:
                lines.extend(wrap(f"{indent}    {entry}", width, indent + " " * 6))
        else:
            if name == "age":
                value = duration(value)
            lines.extend(wrap(f"{indent}{name:<8}  {value}", width, indent + " " * 10))

    for item in record.items():
        add(*item, "")
    return lines


# -- all of it -------------------------------------------------------------------------


def frame(model, width):
    """For --once: what there is, one below the other."""
    lines = [*head(model, width), ""]
    if "jobs" in model.faults:
        lines.append(fit("jobs: " + model.faults["jobs"], width))
    elif model.jobs:
        lines.append(jobs_title(width))
        for job in model.jobs[:model.job_rows]:
            lines += job_lines(job, width)
        lines += more(len(model.jobs) - model.job_rows, "jobs")
    else:
        lines.append("no jobs")
    lines += ["", *sessions_title(model, width)]
    if "page" in model.faults:
        lines.append(fit(model.faults["page"], width))
    for session in (model.page or {}).get("sessions", []):
        lines.append(session_line(session, width))
    return [fit(line, width).rstrip() for line in lines]


def more(number, what):
    return [f"  and {number} more {what}"] if number > 0 else []
