# SPDX-License-Identifier: GPL-2.0-or-later
"""Application servers that are down at the release, and such as are user agents."""

from imscore.way import Way

CALLING_AS = Way("calling-as", orig=("as1",))
CALLED_AS = Way("called-as", caller_served=False, term=("as1",))


def test_down_at_release_calling(session):
    """The BYE that cannot pass times out; the user on the other side has his."""
    talk = session(CALLING_AS, scscf='modparam("tm", "fr_timer", 1000)\n').connect()
    talk.core.as1.stop()
    talk.release()
    bye = talk.take_bye(talk.caller)
    assert talk.caller.name == "alice" and bye.cseq == 1 << 31 or bye
    talk.over(released=0, failed=1)
