# SPDX-License-Identifier: GPL-2.0-or-later
"""A second S-CSCF that has copies of the first one's sessions."""

A, B = "sip:127.0.0.31:5062", "sip:127.0.0.32:5062"


def node(own, other):
    """What makes an S-CSCF one of the two."""
    return {"defines": {"WITH_STANDBY": True},
            "substs": {"DMQ_SERVER": own, "DMQ_PEER": other,
                       "DMQ_SOCKET": "udp:" + own.partition(":")[2]}}


def standby_of(net):
    """The other node of a network, elsewhere."""
    kwargs = node(B, A)
    first = net.scscf
    return net.case.kamailio(
        "standby", "cfg/scscf.cfg", listen=["udp:127.0.0.41:5060"],
        defines={**first.defines, **kwargs["defines"]},
        substs={**first.substs, **kwargs["substs"]}, extra=first.extra)
