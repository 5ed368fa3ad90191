# SPDX-License-Identifier: GPL-2.0-or-later
"""The flows, message by message, and the points at which they are released.

A flow is its number and name, a title, options, and lines:

    A>B INVITE hold      alice sends bob a request through the S-CSCF; what follows
                         the method are words about it
    B>A 180              a response, to the last request that is not answered yet
    AC: A>C INVITE       of another session than the first, which is AB
    A>B NOTIFY later     alice waits before it: nothing tells her that it is time
    P>B CANCEL           P is the S-CSCF itself
    @ringing             a point: everything before has arrived
    call AC              the four messages of a call that is answered

Some lines stand for more than one message: a CANCEL brings its 200, a final response
of 300 and above to an INVITE brings the ACKs of both hops.

A flow that begins as another one does is released from where it goes its own way.
"""

import dataclasses
import re

FLOWS = """
01 register: Registration with digest authentication
    A>P REGISTER
    P>A 401
    @challenged
    A>P REGISTER credentials
    P>A 200
    @registered

02 callee-terminates: The callee ends the call
    A>B INVITE
    @trying
    B>A 180
    @ringing
    B>A 200
    @answered
    A>B ACK
    @confirmed
    B>A BYE
    @bye
    A>B 200
    @over

03 caller-discards: The caller gives up
    A>B INVITE
    B>A 180
    @ringing
    A>B CANCEL
    @cancelled
    B>A 487
    @over

04 callee-discards: The callee declines
    A>B INVITE
    B>A 180
    @ringing
    B>A 603
    @over

05 hold-retrieve: The callee holds and retrieves
    call AB
    B>A INVITE hold
    @hold-pending
    A>B 200
    @hold-answered
    B>A ACK
    @held
    B>A INVITE resume
    @retrieve-pending
    A>B 200
    @retrieve-answered
    B>A ACK
    @retrieved
    B>A BYE
    @bye
    A>B 200
    @over

06 consultation-hold: The caller holds the call for another one
    call AB
    A>B INVITE hold
    @hold-pending
    B>A 200
    A>B ACK
    @held
    AC: A>C INVITE
    @second-trying
    AC: C>A 180
    @second-ringing
    AC: C>A 200
    @second-answered
    AC: A>C ACK
    @second-confirmed
    AC: C>A BYE
    @second-bye
    AC: A>C 200
    @second-over
    A>B INVITE resume
    B>A 200
    A>B ACK
    @retrieved
    B>A BYE
    A>B 200
    @over

07 call-swap: Two calls, held in turn
    call AB
    A>B INVITE hold
    B>A 200
    A>B ACK
    call AC
    @two-calls
    AC: A>C INVITE hold
    @swap-begun
    AC: C>A 200
    AC: A>C ACK
    @both-held
    A>B INVITE resume
    @swap-pending
    B>A 200
    A>B ACK
    @swapped
    A>B INVITE hold
    B>A 200
    A>B ACK
    AC: A>C INVITE resume
    AC: C>A 200
    AC: A>C ACK
    @swapped-back
    AC: C>A BYE
    AC: A>C 200
    @second-over
    A>B INVITE resume
    B>A 200
    A>B ACK
    @retrieved
    B>A BYE
    A>B 200
    @over

08 unattended-transfer: The caller transfers the callee and leaves
    call AB
    A>B REFER
    @refer-pending
    B>A 202
    @referred
    B>A NOTIFY trying
    @notify-pending
    A>B 200
    @notified
    A>B BYE
    @bye
    B>A 200
    @transferor-left
    BC: B>C INVITE
    @transfer-trying
    BC: C>B 180
    @transfer-ringing
    BC: C>B 200
    @transfer-answered
    BC: B>C ACK
    @transferred
    B>A NOTIFY done
    @subscription-outlives
    A>B 200
    BC: B>C BYE
    BC: C>B 200
    @over

09 attended-transfer: The callee consults, then transfers the caller
    call AB
    B>A INVITE hold
    A>B 200
    B>A ACK
    @held
    call BC
    @consulted
    B>A REFER
    @refer-pending
    A>B 202
    A>B NOTIFY trying
    B>A 200
    @referred
    AC: A>C INVITE
    @transfer-trying
    AC: C>A 180
    @transfer-ringing
    AC: C>A 200
    @transfer-answered
    AC: A>C ACK
    @three-calls
    BC: C>B BYE
    BC: B>C 200
    @consultation-over
    A>B NOTIFY done later
    B>A 200
    @transferred
    B>A BYE
    A>B 200
    @transferor-left
    AC: A>C BYE
    AC: C>A 200
    @over

10 forwarding-no-answer: Nobody answers, the call is forwarded
    served called
    A>B INVITE
    B>A 180
    @ringing
    P>B CANCEL
    P>C INVITE
    @forwarded
    B>P 487
    @diverted
    C>A 180
    @forward-ringing
    C>A 200
    @answered
    A>C ACK
    @confirmed
    C>A BYE
    A>C 200
    @over

11 forwarding-busy: Busy, the call is forwarded
    served called
    A>B INVITE
    @trying
    B>P 486
    P>C INVITE
    @forwarded
    C>A 180
    @forward-ringing
    C>A 200
    @answered
    A>C ACK
    @confirmed
    C>A BYE
    A>C 200
    @over

12 forwarding-call-waiting: Busy with call waiting, the call is forwarded
    served called
    A>B INVITE
    B>A 180
    B>A 182
    @queued
    P>B CANCEL
    B>P 487
    P>C INVITE
    @forwarded
    C>A 180
    @forward-ringing
    C>A 200
    @answered
    A>C ACK
    @confirmed
    A>C BYE
    C>A 200
    @over

13 register-nat: Registration through NAT, the Contact mapped by STUN
    A>P REGISTER mapped
    P>A 401
    @challenged
    A>P REGISTER mapped credentials
    P>A 200
    @registered

14 call-nat: Call through NAT, each user challenged by the proxy
    A>P INVITE
    P>A 407
    @challenged
    A>B INVITE credentials
    @trying
    B>A 180
    @ringing
    B>A 200
    @answered
    A>B ACK
    @confirmed
    B>P BYE
    P>B 407
    @bye-challenged
    B>A BYE credentials
    @bye
    A>B 200
    @over

15 not-found: The callee is not known
    A>B INVITE
    @trying
    B>A 404
    @over

16 busy-here: The callee is busy
    A>B INVITE
    @trying
    B>A 486
    @over

17 no-answer: The callee does not answer, the caller gives up
    A>B INVITE
    B>A 180
    @ringing
    A>B CANCEL
    @cancelled
    B>A 487
    @over

18 anonymous-barring: The callee takes no anonymous calls
    served called
    anonymous
    A>B INVITE
    @trying
    B>A 488
    @over

19 request-timeout: Nothing comes from the callee at all
    silent B
    A>B INVITE
    @trying
    P>A 408
    @over

20 ims-establishment: Establishment with reliable provisional responses
    A>B INVITE 100rel
    @trying
    B>A 183 100rel
    @progress
    A>B PRACK
    @prack-pending
    B>A 200
    @acknowledged
    A>B UPDATE
    @update-pending
    B>A 200
    @updated
    B>A 180
    @ringing
    B>A 200
    @answered
    A>B ACK
    @confirmed
    A>B UPDATE
    @refresh-pending
    B>A 200
    @refreshed
    A>B BYE
    B>A 200
    @over

21 bye: The caller ends the call
    call AB
    @confirmed
    A>B BYE
    @bye
    B>A 200
    @over

22 refer: The callee is referred, the call stays until that is done
    call AB
    A>B REFER referred-by
    @refer-pending
    B>A 202
    B>A NOTIFY trying
    A>B 200
    @notified
    BC: B>C INVITE referred-by
    BC: C>B 180
    @transfer-ringing
    BC: C>B 200
    BC: B>C ACK
    @transferred
    B>A NOTIFY done
    @notify-pending
    A>B 200
    @notified-again
    B>A BYE
    A>B 200
    @transferor-left
    BC: B>C BYE
    BC: C>B 200
    @over
"""

CALL = """
    {0}: {1}>{2} INVITE
    {0}: {2}>{1} 180
    {0}: {2}>{1} 200
    {0}: {1}>{2} ACK
"""

STEP = re.compile(r"(?:(\w\w): )?([ABCP])>([ABCP]) (\w+)(.*)")


@dataclasses.dataclass(frozen=True)
class Step:
    """A line that says who sends what to whom."""

    session: str
    src: str
    dst: str
    what: str
    words: frozenset

    @property
    def code(self):
        return int(self.what) if self.what.isdigit() else None


@dataclasses.dataclass(frozen=True)
class Point:
    name: str


@dataclasses.dataclass
class Flow:
    number: str
    name: str
    title: str
    lines: list = dataclasses.field(default_factory=list)
    served: str = "calling"
    silent: frozenset = frozenset()
    anonymous: bool = False

    @property
    def folder(self):
        return "%s-%s" % (self.number, self.name)

    def __str__(self):
        return self.folder

    @property
    def steps(self):
        return [line for line in self.lines if isinstance(line, Step)]

    @property
    def parties(self):
        """Those who take part, the S-CSCF not among them."""
        return sorted({end for s in self.steps for end in (s.src, s.dst)} - {"P"})

    def take(self, line):
        """One line of the table."""
        first, _, rest = line.partition(" ")
        if first == "served":
            self.served = rest
        elif first == "silent":
            self.silent = frozenset(rest.split())
        elif first == "anonymous":
            self.anonymous = True
        elif first.startswith("@"):
            self.lines.append(Point(first[1:]))
        elif first == "call":
            for more in CALL.format(rest, *rest).split("\n"):
                if more.strip():
                    self.take(more.strip())
        else:
            session, src, dst, what, words = STEP.fullmatch(line).groups()
            self.lines.append(
                Step(session or "AB", src, dst, what, frozenset(words.split())))


def read(text=FLOWS):
    """The flows of a table."""
    flows = []
    for line in filter(str.strip, text.splitlines()):
        if not line.startswith(" "):
            head, _, title = line.partition(": ")
            flows.append(Flow(*head.split(" "), title))
        else:
            flows[-1].take(line.strip())
    return flows
