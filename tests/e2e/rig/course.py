# SPDX-License-Identifier: GPL-2.0-or-later
"""A call whose course is drawn at random, and the BYEs that follow from it.

The model knows only what the users did. A seed gives the same course again; which
packets are lost is drawn apart, as it depends on how many there are.
"""

import asyncio
import dataclasses
import random

from .kamailio import RpcFault
from .raw import check_reason, live_records
from .sip import same_party, tag_of
from .swarm import T1, Air, Call

AIR = Air(loss=0.04, double=0.04)

MOMENTS = {"silent": 2, "ringing": 3, "answered": 2, "confirmed": 5, "pending": 3,
           "crossing": 3}
# what a user answers to its BYEs, one after the other; nothing at all is slow
BYE_ANSWERS = {(200,): 22, (481,): 3, (401,): 1, (403,): 1, (404,): 1, (407,): 1,
               (491,): 1, (603,): 1, (500, 200): 2, (500, 500): 1, (408,): 1, (): 1}
ENDED = 200, 408, 481
METHODS = ["INVITE", "UPDATE", "INFO", "OPTIONS", "REFER", "NOTIFY"]
EARLY_METHODS = ["PRACK", "UPDATE", "INFO"]
PENDING = ["INVITE", "UPDATE", "INFO", "REFER", "NOTIFY"]
NAMES = ["<%s>", '"A. \\"Lice\\", the <first>" <%s>;x-sub=one', "Alice <%s>;flag"]


def draw(rng, weights):
    return rng.choices(list(weights), list(weights.values()))[0]


@dataclasses.dataclass
class Side:
    """What the release must know of one user."""

    target: str = None
    cseq: int = None        # the highest that it used; None: none

    def used(self, cseq):
        self.cseq = cseq if self.cseq is None else max(self.cseq, cseq)


@dataclasses.dataclass
class Expected:
    """A BYE that the S-CSCF has to make."""

    uri: str
    from_: str
    to: str
    cseq: int           # None: a random one, as none was stored
    routes: list


class Session:
    """One call, its course drawn from `rng`, and what follows from that course."""

    def __init__(self, net, stations, seed):
        self.net, self.rng = net, random.Random(seed)
        self.call = Call(net, stations, random.Random(seed + 1), AIR)
        self.course = []        # what was drawn
        caller = self.call.caller.dialog
        caller.local = "%s;tag=%s" % (
            self.rng.choice(NAMES) % net.topology.caller_impu, self.call.tags[0])
        caller.remote = self.rng.choice(NAMES) % net.topology.called_impu
        self.model = {"caller": Side(self._contact("caller")),
                      "callee": Side(self._contact("callee"))}
        self.moment = draw(self.rng, MOMENTS)
        self.cause = self.rng.choice([200, 302, 404, 480, 503, 603])
        self.text = "Drawn %d" % self.rng.randrange(1000)
        self.expected = {}      # leg -> Expected
        self.exact = True
        self.failed = False     # a user refuses its BYE

    def _contact(self, who, name=None):
        return "sip:%s@%s" % (name or {"caller": "alice", "callee": "bob"}[who],
                              self.call.sides(who)[0].hostport)

    def _drew(self, *what):
        self.course.append(what)

    async def play(self):
        self._drew(self.moment, self.cause, self.text)
        try:
            await getattr(self, "_" + self.moment)()
        except AssertionError as error:
            raise AssertionError("%s (%s): %s" % (
                self.call.call_id, self.moment, error)) from error
        self.call.forget()
        return self

    def release(self):
        """Sometimes a second trigger follows, and changes nothing."""
        words = "ims_release.release", "callid", self.call.call_id
        again = self.rng.random() < 0.2
        self.net.scscf.rpc(*words, self.cause, self.text)
        if again:
            try:
                self.net.scscf.rpc(*words, 480, "Again")
            except RpcFault as fault:       # it is over
                assert fault.code == 404, fault

    # -- early --------------------------------------------------------------------

    async def _invite(self, **kwargs):
        self.call.caller.dialog.cseq = self.rng.choice([0, 41, 70000])
        await self.call.invite(**kwargs)
        self.model["caller"].used(self.call.request.cseq)

    async def _early(self):
        """It rings, perhaps in two places; perhaps requests within the early dialog."""
        if self.rng.random() < 0.25:
            await self.call.ring(self.call.tags[1] + "-other")
        await self.call.ring()
        self.call.caller.dialog.establish(next(
            m for m in self.call.caller.got
            if m.code == 180 and tag_of(m.get("To")) == self.call.tags[1]))
        for _ in range(self.rng.choice([0, 0, 1, 3])):
            await self._step(EARLY_METHODS)

    async def _silent(self):
        await self._invite()
        self.release()
        await self._refused()
        if self.rng.random() < 0.5:
            await self._answers_late()
        else:
            await self.call.callee.ring(
                self.call.offered, lambda: self.call.callee.requests("CANCEL"),
                tag=self.call.tags[1])
            await self._gives_in()

    async def _ringing(self):
        await self._invite()
        await self._early()
        self.release()
        await self._refused()
        check_reason(await self.call.callee.receive("CANCEL"), self.cause, self.text)
        await (self._answers_late if self.rng.random() < 0.5 else self._gives_in)()

    async def _refused(self):
        final = await self.call.inviting
        assert final.code == (self.cause if self.cause >= 400 else 480), final
        check_reason(final, self.cause, self.text)

    async def _gives_in(self):
        await self.call.callee.accept(self.call.offered, 487, self.call.tags[1])

    async def _answers_late(self):
        self._expect("callee")
        self._bye_answers("callee", fails=False)
        await self.call.callee.accept(self.call.offered, tag=self.call.tags[1])
        await self._byes("callee")

    # -- answered -----------------------------------------------------------------

    async def _answered(self):
        await self._invite(confirm=False)
        await self._early()
        accepting = self.call.callee.start(
            self.call.callee.accept(self.call.offered, tag=self.call.tags[1]))
        final = await self.call.inviting
        self.call.caller.dialog.establish(final)
        self._expect("callee", "caller")
        self._bye_answers("callee", "caller")
        self.release()
        await asyncio.sleep(self.rng.random() * 10 * T1)
        assert not self.call.callee.requests("BYE") + self.call.caller.requests("BYE")
        self.call.caller.confirm(self.call.request, final)
        await accepting
        await self._byes("callee", "caller")

    # -- confirmed ----------------------------------------------------------------

    async def _connect(self):
        await self._invite()
        await self._early()
        await self.call.answer()
        for _ in range(self.rng.randrange(6)):
            await self._step()

    async def _confirmed(self):
        await self._connect()
        await self._released()

    async def _released(self):
        self._expect("callee", "caller")
        self._bye_answers("callee", "caller")
        self.release()
        await self._byes("callee", "caller")

    def _new_contact(self, who):
        """Another one, or the old one."""
        if self.rng.random() < 0.5:
            return self._contact(who, "moved-%d" % self.rng.randrange(10000))
        return self.model[who].target

    async def _step(self, methods=METHODS):
        """A request of either side, answered in one way or another."""
        who = self.rng.choice(["caller", "callee"])
        other = "callee" if who == "caller" else "caller"
        method, code = self.rng.choice(methods), self.rng.choice([200, 200, 200, 488])
        mine, yours = self._new_contact(who), self._new_contact(other)
        self._drew(who, method, code, mine, yours)
        asker, asked = self.call.sides(who)
        refreshes = method in ("INVITE", "UPDATE") and code == 200
        if method == "INVITE":
            asked.policy[method] = lambda request: asked.start(
                asked.accept(request, code, contact="<%s>" % yours)) and None
        else:
            asked.policy[method] = lambda request: asked.respond(
                request, code, contact="<%s>" % yours)
        data = asker.dialog.build(method, contact="<%s>" % mine)
        final = await asker.ask(data)
        assert final is not None and final.code == code, (method, final)
        self.model[who].used(asker.dialog.cseq)
        if refreshes:
            self._refresh(who, mine)
            self._refresh(other, yours)
            asker.dialog.target, asked.dialog.target = yours, mine
        if method == "INVITE":
            acks = asker.dialog.cseq
            await asked.until(lambda: [
                ack for ack in asked.requests("ACK") if ack.cseq == acks], what="ACK")

    def _refresh(self, who, target):
        self.model[who].target = target
        self.call.sides(who)[0].dialog.contact = "<%s>" % target

    # -- with something in flight ------------------------------------------------------

    async def _pending(self):
        await self._connect()
        who = self.rng.choice(["caller", "callee"])
        method = self.rng.choice(PENDING)
        self._drew(who, method)
        asker, asked = self.call.sides(who)
        asked.policy[method] = lambda request: None
        before = len(asked.requests(method))
        asking = asker.start(asker.ask(asker.dialog.build(method)))
        request = await asked.until(lambda: asked.requests(method)[before:])
        self.model[who].used(asker.dialog.cseq)
        if method == "INVITE":
            rung = len([m for m in asker.got if m.code == 180])
            await asked.ring(request[0], lambda: len(
                [m for m in asker.got if m.code == 180]) > rung)
        await self._released()
        if method == "INVITE":
            await asked.receive("CANCEL")
            await asked.accept(request[0], 487)
            assert (await asking).code == 487
        else:
            asked.respond(request[0], 200)
            final = await asking
            # 408: a BYE without an answer took longer than the INFO may
            assert final and final.code in (
                [481] if method == "UPDATE" else [200, 408]), final

    async def _crossing(self):
        """A BYE of a user: which one ends it is open, not that each is told."""
        await self._connect()
        self.exact = False
        who = self.rng.choice([["caller"], ["callee"], ["caller", "callee"]])
        self._drew(*who)
        told = {side: asyncio.Event() for side in self.model}
        for side, event in told.items():
            self.call.sides(side)[0].policy["BYE"] = self._tell(event)
        asking = []
        first = self.rng.random() < 0.5
        if first:
            self.release()
        for side in who:
            phone = self.call.sides(side)[0]
            asking.append(phone.start(phone.ask(phone.dialog.build("BYE"))))
        await asyncio.sleep(self.rng.random() * 0.002)
        if not first:
            try:
                self.release()
            except RpcFault as fault:       # it may be over
                assert fault.code == 404, fault
        for final in await asyncio.gather(*asking):
            assert final and final.code in (200, 481), final
        for side, event in told.items():
            if side not in who:
                await asyncio.wait_for(event.wait(), 20)
        await self._no_record()
        for side in self.model:
            ours = {bye.cseq for bye in self.call.sides(side)[0].requests("BYE")
                    if bye.lines("Reason")}
            assert len(ours) <= 1, ours

    @staticmethod
    def _tell(event):
        def policy(bye):
            answer = 481 if event.is_set() else 200
            event.set()
            return answer, []
        return policy

    async def _no_record(self):
        for _ in range(400):
            if self.call.call_id not in {
                    entry["callid"] for entry in live_records(self.net.scscf)}:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("still recorded")

    # -- the BYEs -----------------------------------------------------------------

    def _expect(self, *legs):
        """What 5.4.5.1.2 makes of what was stored, for the BYEs to those users."""
        topology = self.net.topology
        for leg in legs:
            other = "caller" if leg == "callee" else "callee"
            to, from_ = self.model[leg], self.model[other]
            routes = []
            if len(legs) == 2 and topology.caller_served == (leg == "callee"):
                dialog = self.call.caller if leg == "callee" else self.call.callee
                routes = dialog.dialog.routes
            elif len(legs) == 1:
                # in the caller's place, behind our first Record-Route
                routes = self.call.offered.values("Record-Route")[::-1][1:]
            self.expected[leg] = Expected(
                to.target, self.call.sides(other)[0].dialog.local,
                self.call.sides(leg)[0].dialog.local,
                None if from_.cseq is None else from_.cseq + 1, routes)

    def _bye_answers(self, *legs, fails=True):
        self.answers = {leg: draw(self.rng, BYE_ANSWERS) for leg in legs}
        self._drew(self.answers)
        for leg, codes in self.answers.items():
            left = iter(codes)
            self.call.sides(leg)[0].policy["BYE"] = \
                lambda bye, left=left: (lambda code: code and (code, []))(
                    next(left, None))
            if fails and codes and codes[-1] not in ENDED:
                self.failed = True

    async def _byes(self, *legs):
        """Until each has got its BYE, or both of them, as predicted."""
        for leg in legs:
            phone = self.call.sides(leg)[0]
            self._check(leg, await phone.receive("BYE"))
            retried = len(legs) == 2 and self.answers[leg][:1] == (500,)
            if retried:
                await phone.until(lambda: len(phone.requests("BYE")) == 2)
        for leg in legs:
            byes = self.call.sides(leg)[0].requests("BYE")
            assert len({bye.cseq for bye in byes}) == len(byes), byes
        await self._no_record()

    def _check(self, leg, bye):
        want = self.expected[leg]
        check_reason(bye, self.cause, self.text)
        assert bye.call_id == self.call.call_id
        assert bye.uri == want.uri, (bye.uri, want)
        assert same_party(bye.get("From"), want.from_), (bye.get("From"), want)
        assert same_party(bye.get("To"), want.to), (bye.get("To"), want)
        assert want.cseq in (bye.cseq, None), (bye.cseq, want)
        assert not bye.lines("Route")
