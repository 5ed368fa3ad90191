/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_bye.h  The pair of BYEs (TS 24.229 5.4.5.1.2, items 1 to 4)
 *
 * | item | serves  | BYE to | path                                       |
 * |------|---------|--------|--------------------------------------------|
 * | 1    | calling | callee | service control, as if the caller sent it  |
 * | 2    | calling | caller | straight                                   |
 * | 3    | called  | callee | straight                                   |
 * | 4    | called  | caller | service control, as if the callee sent it  |
 *
 * Both users served here: items 1 and 2.
 */
#ifndef IRL_CORE_BYE_H
#define IRL_CORE_BYE_H

#include "core_route_set.h"
#include "core_session.h"

/** Room for a remote target from which something was taken. */
#define IRL_TARGET_MAX 1024

/** A BYE, in the parts that a SIP stack prints. Texts point into the session
 * or into the BYE itself: good as long as both are. */
struct irl_bye
{
	enum irl_leg_id to; /**< the party it is destined for */
	int item;			/**< of the clause, 1 to 4; 0: of none */
	int enters_here;	/**< goes through service control */
	str request_uri;	/**< remote target of that party, as one */
	str to_value, to_tag;
	str from_value, from_tag;
	str callid;
	uint32_t cseq;
	int nroutes;
	str routes[IRL_ROUTES_MAX]; /**< in the order of the Route header */
	void *socket; /**< to send from; where it enters, to send to */
	str reason;	  /**< header line, CRLF included */
	char buf[IRL_REASON_MAX], target[IRL_TARGET_MAX];
};

/** What the BYEs need besides the record. */
struct irl_bye_policy
{
	int service_control;
	irl_is_own_f is_own;
	uint32_t rnd; /**< for a direction without a CSeq */
};

/**
 * Build the BYE to one party.
 *
 * Where our Record-Route is not in the dialog (the script did not
 * record-route) nothing can enter here: both BYEs go straight.
 *
 * @param s must have a release, that is a cause
 * @return 0; ENOENT when the record lacks what a BYE must have (no 2xx yet,
 *         no remote target, no way that can be told)
 */
int irl_bye_build(const struct irl_session *s, const struct irl_dialog *dlg,
		enum irl_leg_id to, const struct irl_bye_policy *policy,
		struct irl_bye *bye);

/**
 * Build a BYE that goes to a party straight, from the pass that is next to it:
 * by no application server of the served users.
 *
 * @return as irl_bye_build()
 */
int irl_bye_build_straight(const struct irl_session *s,
		const struct irl_dialog *dlg, enum irl_leg_id to,
		const struct irl_bye_policy *policy, struct irl_bye *bye);

/**
 * Build a request that takes the caller's place, straight to the callee from
 * one pass outwards: with the INVITE's CSeq the ACK, and the BYE after a late
 * 2xx, which the caller never saw (RFC 3261 13.2.2.4).
 *
 * @param from the pass; of a late 2xx the first, where the caller was answered;
 *             of an ACK that nobody sends the entry, from where the BYE will
 *             follow it on the same way
 * @return as irl_bye_build()
 */
int irl_bye_build_for_caller(const struct irl_session *s,
		const struct irl_dialog *dlg, const struct irl_pass *from,
		const struct irl_bye_policy *policy, struct irl_bye *bye);

#endif
