# SPDX-License-Identifier: GPL-2.0-or-later
"""SIPp scenarios made from the table: one of each party of each flow.

The main line is the flow. At each point of a release there is a way out of it, which
is taken when the variable `stop` has the name of that stop (`-set stop ringing`), and
leads to what this party does when its session is released there. Any other value of
`stop` plays the flow to its end.

A message that comes while SIPp is at a `nop` is lost to the scenario. So there is none
where one may come: the main line is left by attributes of its messages.
"""

from .ending import Ending
from .model import REFRESH, acts_of, stops_of

USERS = {"A": "alice", "B": "bob", "C": "carol"}
ROLES = {"A": "uac", "B": "uas", "C": "third"}
FIRST = "AB"

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
<!-- Made by tests/flows/generate.py from tests/flows/flow/table.py: change that. -->
<!-- {title}: {user} -->
<scenario name="{folder}, {user}">
  <Global variables="stop"/>
"""

REASONS = {
    "180": "Ringing", "182": "Queued", "183": "Session Progress", "200": "OK",
    "202": "Accepted", "404": "Not Found", "481": "Call Does Not Exist",
    "486": "Busy Here", "487": "Request Terminated", "488": "Not Acceptable Here",
    "603": "Decline",
}

# Via and Record-Route of a request are kept as the one block that they are.
VIA_BLOCK = ("(Record-Route|Via): [^[:cntrl:]]*"
             "([[:cntrl:]]+(Record-Route|Via): [^[:cntrl:]]*)*")
VALUE = "[^ ].*"
URI = "sip:[^>]*"
ROUTE = "&lt;[^>]*>"

SDP = """v=0
o=- 1 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio 6000 RTP/AVP 0"""

# Where the attributes go with which a message leads elsewhere than to the next, and
# where the first message works out where the main line is to be left.
LEAVE, SETUP = "\0leave", "\0setup"


def matches(stops, variable):
    """The action that sets a variable when `stop` is one of these."""
    return '<ereg regexp="%s" search_in="var" variable="stop" assign_to="%s"/>' % (
        "|".join("^%s$" % stop for stop in stops), variable)


def label(name):
    return '\n  <label id="%s"/>' % name


def jump(name):
    return '  <nop next="%s"/>' % name


EMPTY = ["Content-Length: 0", ""]


class Scenario:
    """The scenario of one party of one flow."""

    def __init__(self, flow, party):
        self.flow, self.party, self.user = flow, party, USERS[party]
        self._stops = [
            stop for stop in stops_of(flow)
            if any(act.party == party for act in stop.before)]
        self._variables, self._targets = set(), set()
        self._callers = {s.session: s.src for s in reversed(flow.steps)}

    def text(self):
        mine = [act for act in acts_of(self.flow) if act.party == self.party]
        self._main = self._rendered(mine)
        ways = {stop.name: self._way(stop) for stop in self._stops}
        exits = self._exits([stop for stop in self._stops if ways[stop.name]])
        lines = self._main_line(ways, exits)
        lines += [label("quiet"), "  <!-- nothing else may come -->",
                  '  <pause next="end"/>']
        lines += self._ways(ways) + [label("end"), "  <nop/>"]
        head = HEAD.format(title=self.flow.title, user=self.user,
                           folder=self.flow.folder)
        return "\n".join([head, *lines, self._references(), "</scenario>", ""])

    def _references(self):
        """A variable that is used only once is an error to SIPp."""
        names = sorted(self._variables | {"stop"})
        return '  <Reference variables="%s"/>' % ",".join(names)

    # -- structure -----------------------------------------------------------

    def _exits(self, stops):
        """Index of the act after which the main line is left -> its stops."""
        exits = {}
        for stop in stops:
            done = sum(act.party == self.party for act in stop.before)
            exits.setdefault(done - 1, []).append(stop.name)
        return exits

    def _main_line(self, ways, exits):
        lines, choices = [], []
        for at, text in enumerate(self._main):
            if at in self._targets:
                lines.append(label("step-%d" % at))
            attributes = ""
            if at in exits:
                attributes = ' next="%s" test="at%d"' % (
                    self._choice(at, exits[at], ways, choices), at)
            lines.append(text.replace(LEAVE, attributes))
        lines[1:] = [line.replace(SETUP, "") for line in lines[1:]]
        conditions = [matches(stops, "at%d" % at) for at, stops in exits.items()]
        if SETUP in lines[0]:
            setup = "".join("      %s\n" % line for line in conditions)
            lines[0] = lines[0].replace(SETUP, setup)
        elif conditions:
            lines.insert(0, "\n".join(
                ["  <nop>", "    <action>", *("      " + c for c in conditions),
                 "    </action>", "  </nop>"]))
        self._choices = choices
        return lines

    def _choice(self, at, stops, ways, choices):
        """The label of what these stops lead to; where that is not the same for all,
        of a place where it is chosen."""
        by_way = {}
        for stop in stops:
            by_way.setdefault(ways[stop], []).append(stop)
        if len(by_way) == 1:
            return self._label_of(stops[0], ways)
        choices.append(label("leave-%d" % at))
        for number, names in enumerate(by_way.values()):
            test = "at%d_%d" % (at, number)
            choices.append('  <nop next="%s" test="%s">\n    <action>\n      %s\n'
                           "    </action>\n  </nop>" % (
                               self._label_of(names[0], ways), test,
                               matches(names, test)))
        return "leave-%d" % at

    @staticmethod
    def _label_of(stop, ways):
        """Stops that lead to the same share it: it has the name of the first."""
        return next(name for name, way in ways.items() if way == ways[stop])

    def _ways(self, ways):
        lines = list(self._choices)
        for text in dict.fromkeys(filter(None, ways.values())):
            names = [name for name, way in ways.items() if way == text]
            lines.append(label(names[0]))
            if len(names) > 1:
                lines.append("  <!-- and %s -->" % ", ".join(names[1:]))
            lines.append(text)
        return lines

    def _way(self, stop):
        """What takes the place of the rest of the flow, as text.

        It comes back to the main line where all that is left is the same; None when
        it does not leave it.
        """
        waiting = {a.txn for a in stop.before if self._waits(a)}
        waiting -= {a.txn for a in stop.before if a.kind == "recv" and a.code}
        way = self._rendered(Ending(stop, self.party).build(), waiting)
        left = sum(act.party == self.party for act in stop.after)
        same = 0
        while same < min(len(way), left) and way[-1 - same] == self._main[-1 - same]:
            same += 1
        if same == len(way) == left:
            return None
        goal = "quiet"
        if same:
            goal = "step-%d" % (len(self._main) - same)
            self._targets.add(len(self._main) - same)
        way = way[:len(way) - same]
        if not way:
            return jump(goal)
        way[-1] = way[-1].replace(LEAVE, ' next="%s"' % goal)
        return "\n".join(way).replace(LEAVE, "").replace(SETUP, "")

    def _waits(self, act):
        """Whether this is an INVITE that may get a 100 first."""
        return act.party == self.party and act.kind == "send" and act.what == "INVITE"

    def _rendered(self, acts, waiting=()):
        waiting = set(waiting)
        return [self._act(act, waiting) for act in acts]

    def _act(self, act, waiting):
        if act.kind == "pause":
            return '  <pause milliseconds="%s"%s/>' % (act.what, LEAVE)
        if act.kind == "send":
            if self._waits(act):
                waiting.add(act.txn)
            return self._send(act)
        first = ""
        if act.txn in waiting and act.code:
            waiting.remove(act.txn)
            first = '  <recv response="100" optional="true"/>\n'
        return first + self._recv(act)

    # -- receiving -----------------------------------------------------------

    def _recv(self, act):
        what = "response" if act.code else "request"
        auth = ' auth="true"' if act.code in (401, 407) else ""
        head = '  <recv %s="%s"%s%s' % (what, act.what, auth, LEAVE)
        kept = self._kept(act)
        if not kept:
            return head + "/>"
        kept = "".join("      %s\n" % line for line in kept)
        if act.txn.initial and act.what == "INVITE":
            kept += SETUP
        return head + ">\n    <action>\n" + kept + "    </action>\n  </recv>"

    def _kept(self, act):
        """What of a message is needed later."""
        txn, session = act.txn, act.session
        if act.code:
            return self._kept_of_response(act)
        kept = []
        if txn.number and act.what != "ACK":
            block = "via%d,u1,u2,u3" % txn.number
            self._variables |= set(block.split(","))
            kept.append('<ereg regexp="%s" search_in="msg" assign_to="%s"/>'
                        % (VIA_BLOCK, block))
        if txn.initial and act.what == "INVITE":
            kept += [self._header("From", VALUE, "peer" + session),
                     self._header("To", VALUE, "me" + session),
                     self._header("Record-Route", ROUTE, "route" + session)]
        if act.what in REFRESH:
            kept.append(self._header("Contact", URI, "target" + session))
        return kept

    def _kept_of_response(self, act):
        txn, session = act.txn, act.session
        if not (txn.method in REFRESH and act.code < 300):
            return []
        kept = [self._header("Contact", URI, "target" + session)]
        if txn.initial:
            kept += [self._header("To", VALUE, "peer" + session),
                     self._header("Record-Route", ROUTE, "route" + session)]
        return kept

    def _header(self, name, pattern, variable):
        self._variables.add(variable)
        return ('<ereg regexp="%s" search_in="hdr" header="%s:" start_line="true"'
                ' assign_to="%s"/>' % (pattern, name, variable))

    # -- sending -------------------------------------------------------------

    def _send(self, act):
        lines = self._response(act) if act.code else self._request(act)
        # SIPp sends nothing else while it repeats something: no request does
        final = act.code and act.code >= 200 and act.txn.method == "INVITE"
        retrans = ' retrans="500"' if final else ""
        indented = "\n".join("      " + line if line else "" for line in lines)
        return ("\n  <send%s%s>\n    <![CDATA[\n%s\n    ]]>\n  </send>"
                % (retrans, LEAVE, indented))

    def _me(self, session):
        tag = ";tag=%s-[pid]" % self.user
        if self._callers[session] == self.party:
            return "[%s]%s" % (self.user, tag)
        return "[$me%s]%s" % (session, tag)

    def _called(self, session):
        """Under which URI the called user of a session is reached."""
        step = next(s for s in self.flow.steps if s.session == session)
        callee = next((s.dst for s in self.flow.steps if s.session == session
                       and s.what == "INVITE" and s.dst != "P"), step.dst)
        return "[at_%s]" % USERS[callee]

    def _call_id(self, session):
        """What is before /// is not for SIPp: its call has several Call-IDs."""
        prefix = "" if session == FIRST else session + "///"
        return "Call-ID: %s[call_id]" % prefix

    def _request(self, act):
        txn, session = act.txn, act.session
        if txn.method == "REGISTER":
            return self._register(act)
        of_invite = act.what == "CANCEL" or txn.method == "INVITE" and act.what == "ACK"
        if txn.initial:
            uri, to, route = self._called(session), self._called(session), []
            to = "<%s>" % to
        else:
            uri, to = "[$target%s]" % session, "[$peer%s]" % session
            route = ["Route: [$route%s]" % session]
        lines = ["%s %s SIP/2.0" % (act.what, uri), self._via(txn),
                 "Max-Forwards: 70", *route, "From: " + self._me(session),
                 "[last_To:]" if of_invite and act.what == "ACK" else "To: " + to,
                 self._call_id(session), "CSeq: %d %s" % (txn.cseq, act.what)]
        if of_invite:
            return lines + EMPTY
        return lines + self._headers(act) + self._body(act)

    def _via(self, txn):
        return ("Via: SIP/2.0/[transport] [local_ip]:[local_port];"
                "branch=z9hG4bK-[pid]-%d" % txn.number)

    def _register(self, act):
        contact = "alice@192.0.2.77:40000" if "mapped" in act.words else \
            "alice@[local_ip]:[local_port]"
        return ["REGISTER sip:ims.example SIP/2.0", self._via(act.txn),
                "Max-Forwards: 70", "From: " + self._me(act.session), "To: [alice]",
                self._call_id(act.session), "CSeq: %d REGISTER" % act.txn.cseq,
                "Contact: <sip:%s>" % contact, "Expires: 3600",
                *self._credentials(act), *EMPTY]

    def _response(self, act):
        txn, session = act.txn, act.session
        top = "[$via%d]" % txn.number if txn.number else "[last_Via:]"
        lines = ["SIP/2.0 %s %s" % (act.what, REASONS[act.what]), top]
        if txn.method == "BYE" and not txn.number:
            # the network's: with whatever it had
            lines += ["[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"]
        else:
            lines += ["From: [$peer%s]" % session, "To: " + self._me(session),
                      self._call_id(session), "CSeq: %d %s" % (txn.cseq, txn.method)]
        if txn.method in REFRESH and act.code < 300:
            lines += self._headers(act)
        return lines + (self._body(act) if act.code < 300 else EMPTY)

    def _headers(self, act):
        method = act.what if not act.code else act.txn.method
        lines = []
        if method in REFRESH + ("REFER", "NOTIFY"):
            lines.append("Contact: <sip:%s-%d@[local_ip]:[local_port]>"
                         % (self.user, act.contact))
        if "100rel" in act.words:
            reliable = ["Require: 100rel", "RSeq: 1"]
            lines += reliable if act.code else ["Supported: 100rel"]
        if act.what == "PRACK":
            lines.append("RAck: 1 1 INVITE")
        if act.what == "REFER":
            lines.append("Refer-To: <[at_carol]>")
        if "referred-by" in act.words:
            lines.append("Referred-By: [alice]")
        if act.what == "NOTIFY":
            state = "terminated;reason=noresource" if "done" in act.words else "active"
            lines += ["Event: refer", "Subscription-State: " + state]
        return lines + self._credentials(act)

    @staticmethod
    def _credentials(act):
        if "credentials" not in act.words:
            return []
        return ["[authentication]"]

    def _body(self, act):
        method = act.what if not act.code else act.txn.method
        if act.what == "NOTIFY":
            status = "200 OK" if "done" in act.words else "100 Trying"
            return self._content("message/sipfrag", "SIP/2.0 " + status)
        if method not in REFRESH or act.code in (180, 182):
            return EMPTY
        sdp = SDP.format(version=act.contact)
        return self._content(
            "application/sdp", sdp + ("\na=sendonly" if "hold" in act.words else ""))

    @staticmethod
    def _content(kind, body):
        return ["Content-Type: " + kind, "Content-Length: [len]", "",
                *body.split("\n")]


def scenarios(flow):
    """File name -> text, of the parties that do something."""
    parties = sorted({act.party for act in acts_of(flow)})
    return {ROLES[party] + ".xml": Scenario(flow, party).text()
            for party in parties}
