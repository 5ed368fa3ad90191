# SPDX-License-Identifier: GPL-2.0-or-later
"""What each reply of ims_release holds, of all that is read of it: looked at once, where
it comes in, so that nobody behind has to."""

LEVELS = 8


def text(value):
    return isinstance(value, str)


def number(value):
    return isinstance(value, (int, float))


def count(value):
    return isinstance(value, int) and value >= 0


def code(value):
    return number(value) or value == "other"


def statistics(value):
    return (isinstance(value, dict) and all(map(number, value.values()))
            and {"ims_release.released", "ims_release.failed"} <= value.keys())


# A dict is of an object that has these, and maybe more; a list is of an array of any
# length; all else is a function that tells.
OUTCOME = dict.fromkeys(["released", "failed", "ended", "in_progress", "matched"], count)
SESSION = {**dict.fromkeys(["id", "callid", "state", "served", "impu", "from", "to"], text),
           "age": number}
JOB = {"id": number, "state": text, "selector": text, "value": text, "cause": number,
       "text": text, "rate": number, "elapsed_ms": number, "eta_ms": number, **OUTCOME,
       "codes": [{"leg": text, "code": code, "count": count}]}
SHAPES = {
    "core.uptime": {"up_since": text, "uptime": number},
    "core.version": text,
    "stats.fetchn": statistics,
    "ims_release.rate": {"job_rate": number},
    "ims_release.list": {"matched": count, "offset": count, "sessions": [SESSION]},
    "ims_release.show": SESSION,
    "ims_release.jobs": [text],
    "ims_release.job": JOB,
    "ims_release.release": {"job": number, "matched": count},
    "ims_release.cancel": {},
}
FAULT = {"code": number, "message": text}


def fits(value, shape):
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            name in value and fits(value[name], part) for name, part in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(part, shape[0]) for part in value)
    return shape(value)


def plain(value, levels=LEVELS):
    """Not nested any deeper, and no number that is none or too large to reckon with."""
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(plain(part, levels - 1) for part in parts)
    return not number(value) or abs(value) < 1 << 63
