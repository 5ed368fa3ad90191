/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transaction_end.h"

#include <string.h>

#include "core/data_lump_rpl.h"
#include "core/error.h"
#include "core/msg_translator.h"
#include "core/pt.h"
#include "core/receive.h"
#include "core/ut.h"

#include "transaction.h"

/* How long a transaction is kept after its last branch is over: T4 (RFC 3261
 * 17.1.1.2), tm's own default; what it is set to tm does not tell. */
#define WAIT_SECONDS 5
#define SHORTEST_WAIT 1 /* tick */

/* What a CANCEL says that tm sends later, when the first provisional response
 * of a branch comes. tm frees it with the transaction. */
static void keep_reason(struct cell *t, const str *header)
{
	struct cancel_reason *reason;

	reason = shm_malloc(sizeof(*reason) + (size_t)header->len);
	if(!reason)
		return; /* that CANCEL goes without */
	reason->cause = CANCEL_REAS_PACKED_HDRS;
	reason->u.packed_hdrs.s = (char *)(reason + 1);
	reason->u.packed_hdrs.len = header->len;
	memcpy(reason->u.packed_hdrs.s, header->s, (size_t)header->len);
	if(atomic_cmpxchg_long((void *)&t->uas.cancel_reas, 0, (long)reason) != 0)
		shm_free(reason);
}

/* The request of a transaction, parsed anew for this process alone: tm's own
 * copy is shared, and header lines of ours must not hang on it while another
 * process clones it. `buf` is the copy's text, to be freed. */
static int copy_request(struct cell *t, struct sip_msg *msg, char **buf)
{
	const struct sip_msg *req = t->uas.request;

	*buf = pkg_malloc((size_t)req->len);
	if(!*buf) {
		PKG_MEM_ERROR;
		return -1;
	}
	memcpy(*buf, req->buf, (size_t)req->len);
	if(build_sip_msg_from_buf(msg, *buf, (int)req->len, inc_msg_no()) < 0
			|| parse_headers(msg, HDR_EOH_F, 0) < 0) {
		pkg_free(*buf);
		return -1;
	}
	msg->rcv = req->rcv;
	msg->msg_flags = req->msg_flags;
	return 0;
}

static int reply(struct cell *t, int code, const str *header)
{
	struct sip_msg msg;
	char *buf;
	int ret = -1;

	if(copy_request(t, &msg, &buf) < 0)
		return -1;
	if(add_lump_rpl(&msg, header->s, header->len, LUMP_RPL_HDR))
		ret = irl_tm.t_reply_trans(t, &msg, (unsigned)code, error_text(code))
							  > 0
					  ? 0
					  : -1;
	free_sip_msg(&msg);
	pkg_free(buf);
	return ret;
}

/* An answered transaction is to be forgotten after another time than tm set. */
static void set_wait(struct cell *t, ticks_t ticks)
{
	if(timer_del(&t->wait_timer) < 0)
		return;
	timer_reinit(&t->wait_timer);
	timer_add(&t->wait_timer, ticks);
}

/* Branches without a final response. */
static int open_branches(const struct cell *t)
{
	int i, open = 0;

	for(i = 0; i < t->nr_of_outgoings; i++)
		open += t->uac[i].last_received < 200;
	return open;
}

void irl_transaction_branch_over(struct cell *t)
{
	/* of the branch at hand tm takes note later */
	if(open_branches(t) <= 1)
		set_wait(t, S_TO_TICKS(WAIT_SECONDS));
}

/* tm's lock on what becomes of a transaction's responses, as tm takes it; it
 * is recursive, and nobody who calls this has it. */
static void lock_replies(struct cell *t)
{
	lock_get(&t->reply_mutex);
	atomic_set(&t->reply_locker_pid, my_pid());
}

static void unlock_replies(struct cell *t)
{
	atomic_set(&t->reply_locker_pid, 0);
	lock_release(&t->reply_mutex);
}

/* The branches are taken before tm takes them, for our Reason, and cancelled
 * after the answer, so that no 487 comes before it. */
static int end_invite(struct cell *t, int code, const str *reason)
{
	struct cancel_info cancel;
	int ret;

	memset(&cancel, 0, sizeof(cancel));
	cancel.reason.cause = CANCEL_REAS_PACKED_HDRS;
	cancel.reason.u.packed_hdrs = *reason;
	keep_reason(t, reason);
	irl_tm.prepare_to_cancel(t, &cancel.cancel_bitmap, 0);
	ret = reply(t, code, reason);
	if(cancel.cancel_bitmap)
		irl_tm.cancel_uacs(t, &cancel, F_CANCEL_B_KILL);
	/* tm would forget it in seconds; its branches may take as long as any
	 * INVITE to give their first response, for the CANCEL to follow, or their
	 * last, for the ACK */
	if(open_branches(t))
		set_wait(t, MS_TO_TICKS(64 * t->rt_t1_timeout_ms));
	return ret;
}

static int end(struct cell *t, int code, const str *reason)
{
	int ret;

	if(!is_invite(t))
		return reply(t, code, reason);
	/* a first response that another process has at hand comes before all of
	 * this and is followed by our CANCEL, or after all of it and is by tm's */
	lock_replies(t);
	ret = end_invite(t, code, reason);
	unlock_replies(t);
	return ret;
}

static void leave(struct cell *t)
{
	irl_tm.unref_cell(t);
	irl_tm.t_sett(T_UNDEFINED, T_BR_UNDEFINED);
}

/* Nothing has come of this branch, over a transport that loses messages. */
static int is_silent(const struct ua_client *branch)
{
	return branch->last_received < 100 && !branch->local_cancel.buffer
		   && branch->request.buffer && branch->request.dst.proto == PROTO_UDP;
}

int irl_transaction_resend(const struct irl_transaction_id *id, int send)
{
	struct retr_buf *request;
	struct cell *t;
	int i, silent = 0;

	if(irl_tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return 0;
	for(i = 0; i < t->nr_of_outgoings; i++) {
		if(!is_silent(&t->uac[i]))
			continue;
		silent++;
		request = &t->uac[i].request;
		if(send)
			msg_send(&request->dst, request->buffer, request->buffer_len);
	}
	leave(t);
	return silent;
}

/* Its number stands at the end of our Via's branch. @return -1 for none */
static int branch_of(const struct cell *t, const struct sip_msg *rpl)
{
	const str *via;
	unsigned int n;
	int at;

	if(!rpl->via1 || !rpl->via1->branch)
		return -1;
	via = &rpl->via1->branch->value;
	for(at = via->len; at > 0 && via->s[at - 1] != '.'; at--)
		;
	if(reverse_hex2int(via->s + at, via->len - at, &n) < 0
			|| n >= (unsigned int)t->nr_of_outgoings)
		return -1;
	return (int)n;
}

/* Not by t_check(), which would tell us of this response once more. */
void irl_transaction_heard(
		const struct irl_transaction_id *id, const struct sip_msg *rpl)
{
	struct cell *t;
	int n;

	if(irl_tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return;
	n = branch_of(t, rpl);
	if(n >= 0) {
		lock_replies(t);
		if(is_silent(&t->uac[n]))
			t->uac[n].last_received = 100;
		unlock_replies(t);
	}
	leave(t);
}

void irl_transaction_of_nobody(struct sip_msg *msg)
{
	unsigned int index, label;
	struct cell *t;

	if(irl_tm.t_newtran(msg) <= 0)
		return;
	t = irl_tm.t_gett();
	index = t->hash_index;
	label = t->label;
	irl_tm.t_release(msg);
	if(irl_tm.t_lookup_ident(&t, index, label) < 0)
		return;
	set_wait(t, SHORTEST_WAIT);
	leave(t);
}

int irl_transaction_end(
		const struct irl_transaction_id *id, int code, const str *reason)
{
	struct cell *t;
	int ret = -1;

	if(irl_tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return -1;
	if(t->uas.status < 200 && t->uas.request)
		ret = end(t, code, reason);
	if(ret < 0 && t->uas.status >= 200)
		ret = t->uas.status; /* another process was faster */
	leave(t);
	return ret;
}
