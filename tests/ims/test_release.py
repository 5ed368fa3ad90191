# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator releases a session of the core: each BYE on every interface."""

import pytest

from imscore.way import Way, check_pair

CALLING = Way("calling", called_served=False)
CALLED = Way("called", caller_served=False)
BOTH = Way("both")
CALLING_AS = Way("calling-as", called_served=False, orig=("as1",))
CALLED_AS = Way("called-as", caller_served=False, term=("as1",))
BOTH_AS = Way("both-as", orig=("as1",), term=("as2",))
IN_A_ROW = Way("in-a-row", orig=("as1", "as2", "as3"))
WAYS = [CALLING, CALLED, BOTH, CALLING_AS, CALLED_AS, BOTH_AS, IN_A_ROW]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_confirmed(session, way):
    """Set up with 100rel; both BYEs take the way that the clause gives them."""
    talk = session(way).connect()
    talk.release()
    talk.take_byes()
    talk.over()
    check_pair(talk.core.case.wire(), talk.core, way, talk.call_id, 503, "Gone")
