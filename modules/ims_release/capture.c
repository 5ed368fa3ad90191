/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture_now.h"

#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/events.h"
#include "core/script_cb.h"

#include "core_nameaddr.h"
#include "host_end.h"
#include "params.h"
#include "release.h"
#include "store.h"
#include "worker.h"

struct irl_now irl_now;

struct irl_transaction_id irl_transaction_id_now(struct sip_msg *msg)
{
	struct irl_transaction_id id = {.index = irl_now.transaction->hash_index,
			.label = irl_now.transaction->label,
			.cseq = irl_now.cseq,
			.vias = (uint8_t)irl_msg_count_vias(msg),
			.t1_ms = (uint16_t)irl_now.transaction->rt_t1_timeout_ms,
			.known = 1};

	return id;
}

void *irl_pack(uint64_t id, int bits)
{
	return (void *)(uintptr_t)(id << 4 | (unsigned)bits);
}

uint64_t irl_unpack(void **param, int *bits)
{
	uint64_t v = (uint64_t)(uintptr_t)*param;

	if(bits)
		*bits = (int)(v & 15);
	return v >> 4;
}

void irl_watch(struct sip_msg *msg, int types, transaction_cb f, int bits)
{
	if(irl_tm.register_tmcb(msg, irl_now.transaction, types, f,
			   irl_pack(irl_now.id, bits), NULL)
			<= 0)
		LM_ERR("no callback on a transaction: out of memory\n");
}

int irl_untag(const str *value, int which, str *out)
{
	static char buf[2][IRL_BLOCK_MAX / 4];

	return irl_nameaddr_untagged(value, buf[which], sizeof(buf[0]), out);
}

/* Before the script, for each request. */
static int on_request(struct sip_msg *msg, unsigned int flags, void *param)
{
	struct irl_msg_key key;

	irl_now.msg = msg;
	irl_now.msgid = msg->id;
	irl_now.kind = IRL_OTHER;
	irl_now.own = 0;
	irl_now.ack = irl_now.due = 0;
	irl_now.cseq = 0;
	irl_now.id = 0;
	irl_now.transaction = NULL;
	irl_now.said = IRL_NO_SIDE;
	irl_now.impu.len = 0;
	irl_now.reason.cause = 0;
	if(irl_host_ending() || irl_msg_key(msg, &key) != 0)
		return 1;
	if(!key.to_tag.len) {
		if(msg->REQ_METHOD == METHOD_INVITE)
			irl_now.kind = IRL_INITIAL;
		return 1;
	}
	if(irl_within_request(msg, &key) == IRL_PROCEED)
		return 1;
	/* its answer is ours: it tells nothing of the session */
	irl_now.kind = IRL_OTHER;
	irl_transaction_481(msg);
	return 0;
}

/* What the session needs of the request just processed. */
static void take_processed(struct sip_msg *msg)
{
	if(irl_now.due)
		irl_worker_post(irl_now.id);
	if(!irl_now.transaction)
		return;
	if(irl_now.kind == IRL_INITIAL && irl_now.pass == 0)
		irl_invite_relayed(msg);
	else if(irl_now.kind == IRL_WITHIN && irl_now.cseq
			&& (msg->REQ_METHOD == METHOD_INVITE
					|| msg->REQ_METHOD == METHOD_UPDATE))
		irl_within_relayed(msg);
}

/* An ACK has no transaction: forwarding it makes it a branch. */
static void note_ack(struct sip_msg *msg)
{
	if(!irl_now.ack || !msg->add_to_branch_len)
		return;
	irl_now.ack = 0;
	irl_within_acknowledged(msg);
}

/* With `db_delay` 0, before anything is sent. Kamailio copies all that is sent
 * for this. */
static int on_send(sr_event_param_t *evp)
{
	if(irl_now.msg)
		note_ack((struct sip_msg *)irl_now.msg);
	return 0;
}

/* After the script: the request has been relayed, or answered. */
static int on_done(struct sip_msg *msg, unsigned int flags, void *param)
{
	if(irl_is_now(msg) && irl_now.id) {
		note_ack(msg);
		take_processed(msg);
	}
	irl_now.msg = NULL;
	return 1;
}

/* tm: a new transaction, never a retransmission; its hash lock is held. */
static void on_transaction(struct cell *t, int type, struct tmcb_params *params)
{
	struct sip_msg *msg = params->req;

	if(!msg || !irl_is_now(msg))
		return;
	irl_now.transaction = t;
	if(irl_now.kind == IRL_INITIAL)
		irl_invite_join(msg);
	else if(irl_now.kind == IRL_WITHIN && !irl_now.own)
		irl_within_watch(msg);
}

/* Without a dialog module's record, this session goes on: its BYE was refused,
 * or it is the request at hand, which the script has answered by itself. */
static int is_kept(const struct irl_session *s)
{
	return s->orphan && (s->refused || irl_now.id == s->id);
}

/* The dialog module has let go of it: nothing more will come. */
static int is_over(const struct irl_session *s)
{
	/* the script answered the INVITE without a transaction */
	if(s->state == IRL_CANCELLING)
		return !s->invite.known;
	return irl_state_live((enum irl_state)s->state) && !is_kept(s);
}

void irl_capture_failed(struct irl_session *s)
{
	/* somebody was faster with it than the releasing process */
	if(s->state == IRL_CANCELLING)
		irl_store_set_cancelled(s);
	irl_release_event(s, IRL_EV_FAIL);
}

void irl_capture_host(uint64_t id, enum irl_host_event event)
{
	struct irl_session *s = irl_store_get(id);

	if(!s)
		return;
	switch(event) {
		case IRL_HOST_FAILED:
			irl_capture_failed(s);
			break;
		case IRL_HOST_ENDED:
			/* `dialog` says so before it finds that it cannot end an early
			 * session */
			if(s->state == IRL_EARLY)
				break;
			/* a release that has begun goes on, whoever has given up */
			s->hosted = 0;
			if(irl_state_live((enum irl_state)s->state))
				irl_release_event(s, IRL_EV_END);
			break;
		case IRL_HOST_BYE:
			/* the dialog module does not wait for the answer: it may be a
			 * 407, and then the session goes on */
			s->hosted = 0;
			s->orphan = (uint32_t)time(NULL);
			break;
		case IRL_HOST_GONE:
			s->hosted = 0;
			if(is_over(s))
				irl_release_event(s, IRL_EV_END);
			break;
	}
	irl_release_unlock(s);
}

uint64_t irl_capture_loaded(
		const str *callid, const str *caller_tag, const str *callee_tag)
{
	uint32_t hash = irl_store_lock(callid);
	struct irl_session *s = NULL;
	enum irl_leg_id leg;
	uint64_t id = 0;

	while(!id && (s = irl_store_next(hash, callid, s))) {
		if(!irl_session_match(s, caller_tag, callee_tag, &leg))
			continue;
		s->hosted = 1;
		id = s->id;
	}
	irl_store_unlock(hash);
	return id;
}

uint64_t irl_capture_current(struct sip_msg *msg)
{
	struct irl_msg_key key;
	struct irl_session *s = NULL;
	uint64_t id = 0;
	enum irl_leg_id leg;
	uint32_t hash;
	str tag;

	if(msg->first_line.type == SIP_REQUEST && irl_is_now(msg) && irl_now.id)
		return irl_now.id;
	if(irl_msg_key(msg, &key) != 0)
		return 0;
	hash = irl_store_lock(&key.callid);
	while(!id && (s = irl_store_next(hash, &key.callid, s))) {
		tag = irl_text_get(&s->text, s->from_tag);
		if(irl_session_match(s, &key.from_tag, &key.to_tag, &leg)
				|| (s->state < IRL_RELEASED && irl_str_eq(&tag, &key.from_tag)))
			id = s->id;
	}
	irl_store_unlock(hash);
	return id;
}

int irl_capture_is_own(struct sip_msg *msg)
{
	return irl_is_now(msg) && irl_now.own;
}

int irl_capture_load(void)
{
	return register_script_cb(on_request, PRE_SCRIPT_CB | REQUEST_CB, NULL);
}

int irl_capture_init(void)
{
	int before = irl_params.db_url.len && irl_params.db_delay == 0;

	if((before && sr_event_register_cb(SREV_NET_DATA_OUT, on_send) < 0)
			|| register_script_cb(
					   irl_on_late_reply, PRE_SCRIPT_CB | ONREPLY_CB, NULL)
					   < 0
			|| register_script_cb(on_done, POST_SCRIPT_CB | REQUEST_CB, NULL)
					   < 0
			|| irl_tm.register_tmcb(
					   NULL, NULL, TMCB_REQUEST_IN, on_transaction, NULL, NULL)
					   <= 0
			|| irl_tm.register_tmcb(NULL, NULL, TMCB_LOCAL_REQUEST_IN,
					   irl_on_local_request, NULL, NULL)
					   <= 0) {
		LM_ERR("callbacks cannot be registered\n");
		return -1;
	}
	return 0;
}
