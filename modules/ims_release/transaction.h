/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file transaction.h  What we ask of tm: send our requests, answer a 481
 *
 * Never with a slot locked.
 */
#ifndef IRL_TRANSACTION_H
#define IRL_TRANSACTION_H

#include "modules/tm/tm_load.h"

#include "core_bye.h"

extern struct tm_binds irl_tm;

/** @return 0, or -1 when tm is not loaded */
int irl_transaction_init(void);

/** A request that tm has built and not yet sent. */
struct irl_prepared
{
	struct retr_buf *buffer;
	struct irl_own_bye own; /**< what tells it when it comes by */
};

/**
 * Have tm build a BYE.
 *
 * It is sent by irl_transaction_send(), so that what tells it can be stored
 * before: what comes back to us may be faster than we are.
 *
 * @param headers lines to add, Reason among them
 * @param answered called with the final response, or with 408; may be called
 *                 more than once, in any process
 * @param param    for `answered`
 * @return 0; -1 when there is no way to the destination or no memory
 */
int irl_transaction_bye(const struct irl_bye *bye, const str *headers,
		transaction_cb *answered, void *param, struct irl_prepared *prepared);

void irl_transaction_send(struct irl_prepared *prepared);

/** Send an ACK built like a BYE; it has no answer. @return 0 or -1 */
int irl_transaction_ack(const struct irl_bye *ack);

/** tm has the transaction that this response belongs to. */
int irl_transaction_known(struct sip_msg *rpl);

/** A request of ours is being built: what tm reports of it is known to us. */
int irl_transaction_sending(void);

/**
 * Answer a request 481, before the script; its processing ends with that. A
 * retransmission gets what its first copy got.
 */
void irl_transaction_481(struct sip_msg *msg);

#endif
