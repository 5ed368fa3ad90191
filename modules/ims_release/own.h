/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file own.h  Is this BYE ours?
 *
 * What goes through service control comes by here once a pass, with the Via of
 * an application server on top from the second time on. Ours, and no copy of
 * it, is the one
 *
 * - with our branch in the last Via: below that of the first sender is none,
 * - with the CSeq, the tags and the Request-URI that it was sent with,
 * - with our Via alone, from an address of ours,
 * - with others above it, on one of as many passes as its Routes lead through.
 *   Before a user has seen it, it has made them all. A pass is told by the Via
 *   on top, as tm tells a transaction: a copy of that as well is a
 *   retransmission, which tm does not send on.
 */
#ifndef IRL_OWN_H
#define IRL_OWN_H

#include "core/parser/msg_parser.h"

#include "core_bye.h"

/** Before the processes are forked: they tell each other's BYEs. */
void irl_own_init(void);

/** Take down what tells a BYE; its branch is there already.
 * @param request_uri as it is sent */
void irl_own_mark(struct irl_own_bye *own, const struct irl_bye *bye,
		const str *request_uri);

/** It is this BYE, and the pass is taken down; headers parsed. @return 1 or 0 */
int irl_own_comes_by(struct irl_own_bye *own, struct sip_msg *bye);

#endif
