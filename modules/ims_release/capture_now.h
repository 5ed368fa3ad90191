/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file capture_now.h  What the files of the capture share
 *
 * capture.c takes the callbacks and keeps the context; capture_invite.c makes
 * records and passes of initial INVITEs, capture_answer.c takes their answers,
 * capture_within.c what happens within a dialog, capture_local.c the requests
 * that Kamailio makes itself.
 */
#ifndef IRL_CAPTURE_NOW_H
#define IRL_CAPTURE_NOW_H

#include "capture.h"
#include "msg.h"
#include "transaction.h"

enum irl_kind
{
	IRL_OTHER,
	IRL_INITIAL, /**< INVITE without a To tag */
	IRL_WITHIN	 /**< request of a recorded session */
};

/**
 * The request that this process is working on. Between the callback before the
 * script, the script's functions, the dialog module's CREATED and tm's
 * callback for the new transaction it carries what they have to tell one
 * another, whichever of the last two comes first.
 */
struct irl_now
{
	const struct sip_msg *msg; /**< NULL: none */
	unsigned int msgid;
	enum irl_kind kind;
	int own;	   /**< BYE of ours */
	int ack;	   /**< the caller's, to a 2xx, not sent yet */
	int due;	   /**< it is what a release waits for */
	uint32_t cseq; /**< number after its own, 0: not legal */
	uint64_t id;
	int pass;
	struct cell *transaction;
	/* by the script, before the record was there */
	enum irl_side said;
	str impu;
	struct irl_reason reason; /**< released; its cause 0: not */
	char impu_buf[MAX_URI_SIZE];
	char text_buf[IRL_TEXT_MAX];
	char others_buf[IRL_OTHERS_MAX];
};
extern struct irl_now irl_now;

/**
 * It is this message. Its number alone does not tell: each process has its own,
 * and tm's failure routes run on a request that has the number of another.
 */
static inline int irl_is_now(const struct sip_msg *msg)
{
	return irl_now.msg == msg && irl_now.msgid == msg->id;
}

/** The transaction of the request just processed, as it is found again. */
struct irl_transaction_id irl_transaction_id_now(struct sip_msg *msg);

/** tm gives back one pointer a callback: an id, and four bits for us. */
void *irl_pack(uint64_t id, int bits);
uint64_t irl_unpack(void **param, int *bits);

/** Have tm call `f` for the transaction of now, with its session's id. */
void irl_watch(struct sip_msg *msg, int types, transaction_cb f, int bits);

/**
 * A From or To value without its tag, in a buffer that lasts until the next
 * call with the same `which` (0 or 1).
 *
 * @return 0, or the error of irl_nameaddr_untagged()
 */
int irl_untag(const str *value, int which, str *out);

/** A new transaction of an initial INVITE; tm's hash lock is held. */
void irl_invite_join(struct sip_msg *msg);

/** The initial INVITE has been relayed: now it can be cancelled. */
void irl_invite_relayed(struct sip_msg *msg);

/** The INVITE has got a final response of 300 or above; slot locked. */
void irl_capture_failed(struct irl_session *s);

/** tm: a response to the initial INVITE. It may be a retransmission. */
void irl_on_invite_response(
		struct cell *t, int type, struct tmcb_params *params);

/** Before the script, for each response: one to an INVITE that we have ended
 * does not reach the caller, whether or not tm still has the transaction. */
int irl_on_late_reply(struct sip_msg *rpl, unsigned int flags, void *param);

/** What to do with a request within a dialog. */
enum irl_verdict
{
	IRL_PROCEED,
	IRL_REFUSE /**< the session is being released: 481 */
};
enum irl_verdict irl_within_request(
		struct sip_msg *msg, const struct irl_msg_key *key);

/** A new transaction within a dialog; tm's hash lock is held. */
void irl_within_watch(struct sip_msg *msg);

/** The caller's ACK is being relayed. */
void irl_within_acknowledged(struct sip_msg *msg);

/** A re-INVITE or UPDATE has been relayed: a release will answer it. */
void irl_within_relayed(struct sip_msg *msg);

/** tm: a request made here, keep-alive OPTIONS of the dialog module or its
 * dlg_refer for instance. It uses up a CSeq of the side it speaks for. */
void irl_on_local_request(struct cell *t, int type, struct tmcb_params *params);

#endif
