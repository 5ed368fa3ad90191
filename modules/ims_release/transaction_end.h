/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file transaction_end.h  The end, by us, of a transaction that tm has open
 *
 * Never with a slot locked.
 */
#ifndef IRL_TRANSACTION_END_H
#define IRL_TRANSACTION_END_H

#include "modules/tm/h_table.h"

#include "core_session.h"

/**
 * End a transaction that waits for its final response: answer its sender,
 * and, if it is an INVITE, cancel its branches. A branch without a provisional
 * response is cancelled when its first one comes (RFC 3261 9.1).
 *
 * @param code   final response
 * @param reason header line Reason, for the response and each CANCEL
 * @return 0; its final response, if it has one; -1 when it is gone, or for want
 *         of memory
 */
int irl_transaction_end(
		const struct irl_transaction_id *id, int code, const str *reason);

/**
 * A transaction for a request that nobody has sent, begun and over: what waits
 * for its end is told by the next tick of tm's timer. No retransmission will
 * come, for which tm would keep it, in the size of some 10 kB, for `wt_timer`.
 *
 * @param msg the request at hand; it has no transaction then
 */
void irl_transaction_of_nobody(struct sip_msg *msg);

/**
 * The branches of an INVITE that irl_transaction_end() has ended and of which
 * no response has come. With its answer tm sends them the INVITE no longer;
 * when their first response was lost, nothing would bring it again.
 *
 * @param send send them the INVITE once more
 * @return how many there are; 0 too when it is gone
 */
int irl_transaction_resend(const struct irl_transaction_id *id, int send);

/** A branch of an INVITE that irl_transaction_end() has ended gets its final
 * response: after the last one tm keeps it no longer than others. */
void irl_transaction_branch_over(struct cell *t);

/**
 * A 2xx to an INVITE that irl_transaction_end() has ended, which tm is not given:
 * its branch is silent no more, and irl_transaction_resend() leaves it alone
 * (RFC 3261 17.1.1.2).
 */
void irl_transaction_heard(
		const struct irl_transaction_id *id, const struct sip_msg *rpl);

#endif
