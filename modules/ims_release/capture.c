/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/parser/parse_cseq.h"
#include "core/parser/parse_to.h"
#include "core/script_cb.h"

#include "core_cseq.h"
#include "core_nameaddr.h"
#include "core_route_set.h"
#include "host_end.h"
#include "index.h"
#include "msg.h"
#include "params.h"
#include "release.h"
#include "stats.h"
#include "store.h"
#include "transaction.h"
#include "worker.h"

/* The request that this process is working on. Between the callback before the
 * script, the script's functions, the dialog module's CREATED and tm's
 * callback for the new transaction it carries what they have to tell one
 * another, whichever of the last two comes first. */
static struct
{
	unsigned int msgid;
	enum
	{
		OTHER,
		INITIAL, /* INVITE without a To tag */
		WITHIN	 /* request of a recorded session */
	} kind;
	int own;   /* BYE of ours */
	int due;   /* ACK that a release waits for */
	int fresh; /* its CSeq is the highest so far: not a later pass of it */
	uint64_t id;
	int pass;
	struct cell *transaction;
	/* what the script said before the record was there */
	enum irl_side said;
	str impu;
	char impu_buf[MAX_URI_SIZE];
} now;

static int is_now(const struct sip_msg *msg)
{
	return now.msgid == msg->id;
}

/* tm gives back one pointer a callback: an id, and four bits for us. */
static void *pack(uint64_t id, int bits)
{
	return (void *)(uintptr_t)(id << 4 | (unsigned)bits);
}

static uint64_t unpack(void **param, int *bits)
{
	uint64_t v = (uint64_t)(uintptr_t)*param;

	if(bits)
		*bits = (int)(v & 15);
	return v >> 4;
}

/* ---- requests within a dialog ------------------------------------------- */

/* What to do with a request once the lock is gone. */
enum verdict
{
	PROCEED,
	REFUSE /* the session is being released: 481 */
};

static void note_ack(struct irl_session *s, struct irl_dialog *dlg)
{
	uint8_t before = s->state;

	/* it comes by once a pass, and before its last pass the callee has not
	 * got it: too early for a BYE (RFC 3261 15) */
	if(dlg->acks > 1) {
		dlg->acks--;
		return;
	}
	if(dlg != s->current)
		return;
	irl_release_event(s, IRL_EV_ACK);
	/* the pair goes when the ACK has gone: on_done() */
	now.due = before == IRL_AWAITING_ACK && s->state == IRL_ENDING;
}

static enum verdict take_request(struct irl_session *s, struct irl_dialog *dlg,
		enum irl_leg_id leg, struct sip_msg *msg)
{
	unsigned int method = msg->REQ_METHOD;
	uint32_t cseq;

	now.kind = WITHIN;
	now.id = s->id;
	if(method == METHOD_ACK) {
		note_ack(s, dlg);
		return PROCEED;
	}
	if(method == METHOD_CANCEL)
		return PROCEED;
	if(!irl_state_live((enum irl_state)s->state)) {
		now.own = method == METHOD_BYE && irl_release_is_own(s, msg);
		return now.own || !irl_params.answer_481 ? PROCEED : REFUSE;
	}
	if(irl_msg_cseq(msg, &cseq) == 0) {
		now.fresh = cseq >= dlg->leg[leg].cseq;
		irl_cseq_note(&dlg->leg[leg].cseq, cseq);
	}
	return PROCEED;
}

static enum verdict within_dialog(
		struct sip_msg *msg, const struct irl_msg_key *key)
{
	enum verdict verdict = PROCEED;
	struct irl_session *s = NULL;
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	uint32_t hash;

	/* Via headers are looked at under the lock: have them parsed before */
	if(msg->REQ_METHOD == METHOD_BYE && parse_headers(msg, HDR_EOH_F, 0) < 0)
		return PROCEED;
	hash = irl_store_lock(&key->callid);
	while((s = irl_store_next(hash, &key->callid, s))) {
		dlg = irl_session_match(s, &key->from_tag, &key->to_tag, &leg);
		if(dlg) {
			verdict = take_request(s, dlg, leg, msg);
			break;
		}
	}
	irl_store_unlock(hash);
	return verdict;
}

/* Before the script, for each request. */
static int on_request(struct sip_msg *msg, unsigned int flags, void *param)
{
	struct irl_msg_key key;

	now.msgid = msg->id;
	now.kind = OTHER;
	now.own = 0;
	now.due = 0;
	now.fresh = 0;
	now.id = 0;
	now.transaction = NULL;
	now.said = IRL_NO_SIDE;
	now.impu.len = 0;
	if(irl_host_ending() || irl_msg_key(msg, &key) != 0)
		return 1;
	if(!key.to_tag.len) {
		if(msg->REQ_METHOD == METHOD_INVITE)
			now.kind = INITIAL;
		return 1;
	}
	if(within_dialog(msg, &key) == PROCEED)
		return 1;
	irl_transaction_481(msg);
	return 0;
}

/* The transaction of the request just processed, as it is found again. */
static struct irl_transaction_id transaction_id(void)
{
	struct irl_transaction_id id = {
			now.transaction->hash_index, now.transaction->label, 1};

	return id;
}

/* A re-INVITE or UPDATE has been relayed: a release will answer it. */
static void keep_pending(struct sip_msg *msg)
{
	struct irl_session *s;
	struct irl_dialog *dlg;
	struct irl_msg_key key;
	enum irl_leg_id leg;

	if(irl_msg_key(msg, &key) != 0)
		return;
	s = irl_store_get(now.id);
	if(!s)
		return;
	dlg = irl_session_match(s, &key.from_tag, &key.to_tag, &leg);
	if(dlg && msg->REQ_METHOD == METHOD_INVITE)
		dlg->leg[leg].reinvite = transaction_id();
	else if(dlg)
		dlg->leg[leg].update = transaction_id();
	irl_store_unlock(s->hash);
}

/* The initial INVITE has been relayed: now it can be cancelled. */
static void keep_invite(void)
{
	struct irl_session *s = irl_store_get(now.id);

	if(!s)
		return;
	s->invite = transaction_id();
	/* a release could do nothing until now */
	if(s->state == IRL_CANCELLING)
		s->release->todo |= IRL_DO_CANCEL;
	irl_release_unlock(s);
}

/* After the script: the request has been relayed, or answered. */
static int on_done(struct sip_msg *msg, unsigned int flags, void *param)
{
	if(!is_now(msg) || !now.id)
		return 1;
	if(now.due)
		irl_worker_post(now.id);
	if(!now.transaction)
		return 1;
	if(now.kind == INITIAL && now.pass == 0)
		keep_invite();
	else if(now.kind == WITHIN && now.fresh
			&& (msg->REQ_METHOD == METHOD_INVITE
					|| msg->REQ_METHOD == METHOD_UPDATE))
		keep_pending(msg);
	now.transaction = NULL;
	return 1;
}

/* ---- responses ----------------------------------------------------------- */

/* A value without its tag, in a buffer that lasts until the next call for the
 * same `which`. Values beyond the buffer are refused with their message. */
static int untag(const str *value, int which, str *out)
{
	static char buf[2][IRL_BLOCK_MAX / 4];

	return irl_nameaddr_untagged(value, buf[which], sizeof(buf[0]), out);
}

/* @return 0, or -1 for a 2xx that cannot be a dialog's */
static int read_answer(struct sip_msg *rpl, str *routes, struct irl_answer *ans)
{
	struct irl_msg_key key;
	str to;

	if(irl_msg_key(rpl, &key) != 0 || !key.to_tag.len)
		return -1;
	to = irl_msg_to(rpl);
	ans->routes = routes;
	ans->nroutes = irl_msg_routes(rpl, routes);
	if(ans->nroutes < 0 || untag(&to, 0, &ans->to) != 0) {
		LM_WARN("2xx with a malformed To or Record-Route, Call-ID %.*s\n",
				key.callid.len, key.callid.s);
		return -1;
	}
	ans->tag = key.to_tag;
	ans->contact = irl_msg_contact(rpl);
	ans->socket = rpl->rcv.bind_address;
	return 0;
}

/* Passes at which we record-routed: as often the ACK will come by. Copies of
 * the INVITE that forked between two passes count as one. */
static uint8_t passes_of_ack(
		const struct irl_session *s, const struct irl_answer *ans)
{
	uint32_t seen = 0;
	int i, n = 0;

	for(i = 0; i < s->npasses; i++) {
		int at = s->pass[i].nroutes;

		if(at >= IRL_ROUTES_MAX || (seen & (1u << at)))
			continue;
		seen |= 1u << at;
		n += irl_routes_own(ans->routes, ans->nroutes, at, irl_route_is_own)
			 > 0;
	}
	return (uint8_t)n;
}

/* The session that has the dialog: a second answer to a forked INVITE has
 * made one of its own. Slot locked. */
static struct irl_session *session_of_dialog(
		struct irl_session *s, const str *tag)
{
	str callid = irl_text_get(&s->text, s->callid);
	str caller = irl_text_get(&s->text, s->from_tag), other;
	struct irl_session *sibling = NULL;

	if(irl_session_dialog(s, tag))
		return s;
	while((sibling = irl_store_next(s->hash, &callid, sibling))) {
		other = irl_text_get(&sibling->text, sibling->from_tag);
		if(irl_str_eq(&other, &caller) && irl_session_dialog(sibling, tag))
			return sibling;
	}
	return s;
}

/* A dialog was answered after another one: a session of its own, released
 * with the first. Slot locked. */
static void split(struct irl_session *s, struct irl_dialog *dlg)
{
	struct irl_session *other = irl_session_split(s, dlg);

	if(!other || irl_store_insert(s->hash, other) != 0) {
		LM_ERR("second answer not recorded: out of memory or max_sessions\n");
		irl_session_free(other);
		return;
	}
	irl_index_update(other);
	if(s->release)
		irl_release_together(other, s->release);
}

/* A 2xx to the INVITE that we have already ended: not the caller's any more.
 * Slot locked. */
static void take_late(struct irl_session *s, const struct irl_answer *ans)
{
	struct irl_dialog *dlg = irl_session_answer(s, ans);

	if(!dlg)
		return;
	dlg->late = dlg->late == IRL_NOT_LATE	 ? IRL_LATE_DUE
				: dlg->late == IRL_LATE_DONE ? IRL_LATE_ACK_DUE
											 : dlg->late;
	irl_release_event(s, IRL_EV_ANSWER);
}

/* @return 1 when the 2xx must not reach the caller */
static int take_answer(struct sip_msg *rpl, uint64_t id, int pass)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.pass = pass};
	struct irl_session *s;
	struct irl_dialog *dlg;
	int known, late;

	if(read_answer(rpl, routes, &ans) < 0)
		return 0;
	s = irl_store_get(id);
	if(!s)
		return 0;
	s = session_of_dialog(s, &ans.tag);
	late = s->cancelled && pass == 0;
	if(late) {
		take_late(s, &ans);
	} else {
		dlg = irl_session_dialog(s, &ans.tag);
		known = dlg && dlg->answered;
		dlg = irl_session_answer(s, &ans);
		if(!dlg)
			LM_ERR("2xx not recorded: out of memory or too much text\n");
		else if(!known && !s->cancelled) {
			dlg->acks = passes_of_ack(s, &ans);
			if(dlg == s->current)
				irl_release_event(s, IRL_EV_ANSWER);
			else
				split(s, dlg);
		}
	}
	irl_index_update(s);
	irl_release_unlock(s);
	return late;
}

/* Before the script, for each response: a 2xx to an INVITE that we have ended
 * goes no further, whether or not tm still has the transaction. */
static int on_reply(struct sip_msg *rpl, unsigned int flags, void *param)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.pass = 0};
	struct irl_msg_key key;
	struct irl_session *s = NULL;
	uint32_t cseq, hash;
	str tag;

	if(!irl_store_cancelled() || rpl->REPLY_STATUS < 200
			|| rpl->REPLY_STATUS > 299
			|| get_cseq(rpl)->method_id != METHOD_INVITE
			|| irl_msg_key(rpl, &key) != 0 || irl_msg_cseq(rpl, &cseq) != 0
			|| read_answer(rpl, routes, &ans) < 0)
		return 1;
	hash = irl_store_lock(&key.callid);
	while((s = irl_store_next(hash, &key.callid, s))) {
		tag = irl_text_get(&s->text, s->from_tag);
		if(s->cancelled && s->invite_cseq == cseq + 1
				&& irl_str_eq(&tag, &key.from_tag)
				&& s->pass[0].key == irl_msg_reply_key(rpl))
			break;
	}
	if(!s) {
		irl_store_unlock(hash);
		return 1;
	}
	take_late(s, &ans);
	irl_release_unlock(s);
	return 0;
}

static void take_provisional(struct sip_msg *rpl, uint64_t id, int pass)
{
	struct irl_msg_key key;
	struct irl_session *s;

	if(irl_msg_key(rpl, &key) != 0 || !key.to_tag.len)
		return;
	s = irl_store_get(id);
	if(!s)
		return;
	irl_session_early(s, &key.to_tag, pass);
	irl_store_unlock(s->hash);
}

/* tm: a response to the initial INVITE. It may be a retransmission. */
static void on_invite_response(
		struct cell *t, int type, struct tmcb_params *params)
{
	struct sip_msg *rpl = params->rpl;
	uint64_t id;
	int pass;

	if(!rpl || rpl == FAKED_REPLY || get_cseq(rpl)->method_id != METHOD_INVITE)
		return;
	id = unpack(params->param, &pass);
	if(params->code > 100 && params->code < 200)
		take_provisional(rpl, id, pass);
	else if(params->code >= 200 && params->code < 300
			&& take_answer(rpl, id, pass))
		/* it came between on_reply() and the final response of ours: of a
		 * 100 tm takes no notice but for the CANCEL */
		rpl->REPLY_STATUS = 100;
}

/* tm: a response to a re-INVITE or UPDATE. Only a 2xx moves targets. */
static void on_refresh_response(
		struct cell *t, int type, struct tmcb_params *params)
{
	struct sip_msg *rpl = params->rpl;
	struct irl_session *s;
	struct irl_dialog *dlg;
	struct irl_msg_key key;
	enum irl_leg_id leg;
	str requested, answered;
	uint32_t cseq;

	if(!rpl || rpl == FAKED_REPLY || params->code < 200 || params->code > 299
			|| !params->req)
		return;
	if(irl_msg_key(rpl, &key) != 0 || irl_msg_cseq(rpl, &cseq) != 0
			|| parse_headers(rpl, HDR_EOH_F, 0) < 0)
		return;
	requested = irl_msg_contact(params->req);
	answered = irl_msg_contact(rpl);
	s = irl_store_get(unpack(params->param, NULL));
	if(!s)
		return;
	dlg = irl_session_match(s, &key.from_tag, &key.to_tag, &leg);
	if(dlg)
		irl_session_refresh(s, dlg, leg, cseq, &requested, &answered);
	irl_index_update(s);
	irl_store_unlock(s->hash);
}

/* tm: the final response to somebody's BYE has been sent back. A 2xx ends the
 * session (TS 24.229 5.4.5.2), 481 and 408 say that the peer has none; after
 * any other, a 407 say, it goes on, though the dialog module let it go. */
static void on_bye_response(
		struct cell *t, int type, struct tmcb_params *params)
{
	struct irl_session *s;
	int code = params->code;

	if(code < 200)
		return;
	s = irl_store_get(unpack(params->param, NULL));
	if(!s)
		return;
	if(code < 300 || code == 481 || code == 408)
		irl_release_event(s, IRL_EV_END);
	else if(!s->orphan)
		s->orphan = (uint32_t)time(NULL);
	irl_release_unlock(s);
}

/* ---- transactions --------------------------------------------------------- */

static void watch(struct sip_msg *msg, struct cell *t, int types,
		transaction_cb f, void *param)
{
	if(irl_tm.register_tmcb(msg, t, types, f, param, NULL) <= 0)
		LM_ERR("no callback on a transaction: out of memory\n");
}

static void watch_invite(struct sip_msg *msg)
{
	watch(msg, now.transaction, TMCB_RESPONSE_IN, on_invite_response,
			pack(now.id, now.pass));
}

/* The pass that `msg` makes; slot locked. */
static void add_pass(struct irl_session *s, struct sip_msg *msg, int nroutes)
{
	struct irl_pass pass = {.in = msg->rcv.bind_address,
			.key = irl_msg_request_key(msg),
			.nroutes = (uint16_t)nroutes,
			.guessed = (uint8_t)(irl_params.served ? irl_params.served
												   : irl_msg_guess_side(msg))};

	now.id = s->id;
	now.pass = irl_session_add_pass(s, &pass);
	if(now.said)
		irl_session_serve(s, now.pass, now.said, &now.impu);
	irl_index_update(s);
}

/* The live session that this INVITE is a pass of; slot locked. A new INVITE
 * with the old Call-ID and tag, after a 407 for instance, has another CSeq. */
static struct irl_session *session_of_invite(
		uint32_t hash, const struct irl_msg_key *key, uint32_t cseq)
{
	struct irl_session *s = NULL;
	str tag;

	while((s = irl_store_next(hash, &key->callid, s))) {
		tag = irl_text_get(&s->text, s->from_tag);
		if(s->state == IRL_EARLY && s->invite_cseq == cseq + 1
				&& irl_str_eq(&tag, &key->from_tag))
			return s;
	}
	return NULL;
}

static void join_session(struct sip_msg *msg)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_msg_key key;
	struct irl_session *s;
	uint32_t cseq, hash;
	int nroutes;

	if(irl_msg_key(msg, &key) != 0 || irl_msg_cseq(msg, &cseq) != 0)
		return;
	nroutes = irl_msg_routes(msg, routes);
	if(nroutes < 0)
		return;
	hash = irl_store_lock(&key.callid);
	s = session_of_invite(hash, &key, cseq);
	if(s)
		add_pass(s, msg, nroutes);
	irl_store_unlock(hash);
}

/* tm: a new transaction, never a retransmission; its hash lock is held. */
static void on_transaction(struct cell *t, int type, struct tmcb_params *params)
{
	struct sip_msg *msg = params->req;
	unsigned int method;

	if(!msg || !is_now(msg))
		return;
	now.transaction = t;
	method = msg->REQ_METHOD;
	if(now.kind == INITIAL) {
		if(!now.id)
			join_session(msg);
		if(now.id)
			watch_invite(msg);
	} else if(now.kind == WITHIN && !now.own) {
		if(method == METHOD_INVITE || method == METHOD_UPDATE)
			watch(msg, t, TMCB_RESPONSE_IN, on_refresh_response,
					pack(now.id, 0));
		else if(method == METHOD_BYE)
			watch(msg, t, TMCB_RESPONSE_OUT, on_bye_response, pack(now.id, 0));
	}
}

/* ---- requests of Kamailio itself ------------------------------------------ */

static int local_tag(str header, str *tag)
{
	struct to_body body;

	/* "From: value CRLF", as tm printed it */
	while(header.len && *header.s != ':') {
		header.s++;
		header.len--;
	}
	if(!header.len)
		return -1;
	memset(&body, 0, sizeof(body));
	parse_to(header.s + 1, header.s + header.len, &body);
	if(body.error != PARSE_OK)
		return -1;
	*tag = body.tag_value;
	free_to_params(&body);
	return tag->len ? 0 : -1;
}

static str local_value(str header, int name_len)
{
	header.s += name_len;
	header.len -= name_len;
	while(header.len
			&& (header.s[header.len - 1] == '\r'
					|| header.s[header.len - 1] == '\n'))
		header.len--;
	return header;
}

/* tm: a request made here, keep-alive OPTIONS of the dialog module or its
 * dlg_refer for instance. It uses up a CSeq of the side it speaks for. */
static void on_local_request(
		struct cell *t, int type, struct tmcb_params *params)
{
	static const int callid_name = (int)sizeof("Call-ID: ") - 1;
	static const int cseq_name = (int)sizeof("CSeq: ") - 1;
	struct irl_session *s = NULL;
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	str callid, number, from_tag, to_tag;
	uint32_t cseq, hash;

	if(irl_transaction_sending() || t->callid.len <= callid_name
			|| t->cseq_n.len <= cseq_name || local_tag(t->from, &from_tag) != 0
			|| local_tag(t->to, &to_tag) != 0)
		return;
	callid = local_value(t->callid, callid_name);
	number = local_value(t->cseq_n, cseq_name);
	if(irl_cseq_parse(&number, &cseq) != 0)
		return;
	hash = irl_store_lock(&callid);
	while((s = irl_store_next(hash, &callid, s))) {
		dlg = irl_session_match(s, &from_tag, &to_tag, &leg);
		if(dlg) {
			irl_cseq_note(&dlg->leg[leg].cseq, cseq);
			break;
		}
	}
	irl_store_unlock(hash);
}

/* ---- the dialog module ----------------------------------------------------- */

static void refuse(const char *why)
{
	static time_t last;
	time_t t = time(NULL);

	irl_stat_inc(refused_sessions);
	if(t != last)
		LM_WARN("session not recorded: %s\n", why);
	last = t;
}

static struct irl_session *record_of(struct sip_msg *msg)
{
	struct irl_invite inv = {.impu = now.impu};
	struct irl_msg_key key;
	enum irl_side side = now.said;
	str from, to;

	if(irl_msg_key(msg, &key) != 0 || irl_msg_cseq(msg, &inv.cseq) != 0)
		return NULL;
	from = irl_msg_from(msg);
	to = irl_msg_to(msg);
	if(untag(&from, 0, &inv.from) != 0 || untag(&to, 1, &inv.to) != 0)
		return NULL;
	if(!side)
		side = irl_params.served ? (enum irl_side)irl_params.served
								 : irl_msg_guess_side(msg);
	if(!inv.impu.len)
		inv.impu = irl_msg_impu(msg, side);
	inv.callid = key.callid;
	inv.from_tag = key.from_tag;
	inv.contact = irl_msg_contact(msg);
	inv.icid = irl_msg_icid(msg);
	return irl_session_new(&inv);
}

uint64_t irl_capture_created(struct sip_msg *msg)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_session *s;
	uint32_t hash;
	str callid;
	int nroutes, err;

	if(!msg || !is_now(msg) || now.kind != INITIAL)
		return 0;
	if(now.id)
		return now.id;
	nroutes = irl_msg_routes(msg, routes);
	s = nroutes < 0 ? NULL : record_of(msg);
	if(!s) {
		refuse("malformed INVITE or out of memory");
		return 0;
	}
	s->created = (uint32_t)time(NULL);
	s->hosted = 1;
	callid = irl_text_get(&s->text, s->callid);
	hash = irl_store_lock(&callid);
	err = irl_store_insert(hash, s);
	if(err == 0)
		add_pass(s, msg, nroutes);
	irl_store_unlock(hash);
	if(err) {
		irl_session_free(s);
		refuse("max_sessions reached");
		return 0;
	}
	if(now.transaction)
		watch_invite(msg);
	return now.id;
}

void irl_capture_host(uint64_t id, enum irl_host_event event)
{
	struct irl_session *s = irl_store_get(id);

	if(!s)
		return;
	if(event != IRL_HOST_FAILED)
		s->hosted = 0;
	if(event == IRL_HOST_FAILED)
		irl_release_event(s, IRL_EV_FAIL);
	else if(event == IRL_HOST_ENDED)
		irl_release_event(s, IRL_EV_END);
	else if(event == IRL_HOST_GONE && irl_state_live(s->state) && !s->orphan)
		irl_release_event(s, IRL_EV_END);
	irl_release_unlock(s);
}

/* ---- what the script asks --------------------------------------------------- */

static int keep_for_later(enum irl_side side, const str *impu)
{
	if(impu->len > (int)sizeof(now.impu_buf))
		return EMSGSIZE;
	now.said = side;
	if(impu->len)
		memcpy(now.impu_buf, impu->s, (size_t)impu->len);
	now.impu.s = now.impu_buf;
	now.impu.len = impu->len;
	return 0;
}

int irl_capture_serve(struct sip_msg *msg, enum irl_side side, const str *impu)
{
	struct irl_msg_key key;
	struct irl_session *s;
	uint32_t cseq, hash;
	str user = *impu;
	int known;

	if(!is_now(msg) || now.kind != INITIAL || irl_msg_key(msg, &key) != 0
			|| irl_msg_cseq(msg, &cseq) != 0)
		return ENOENT;
	if(!user.len)
		user = irl_msg_impu(msg, side);
	hash = irl_store_lock(&key.callid);
	s = session_of_invite(hash, &key, cseq);
	known = s != NULL;
	if(s && now.id == s->id) {
		irl_session_serve(s, now.pass, side, &user);
		irl_index_update(s);
	}
	irl_store_unlock(hash);
	if(known && now.id)
		return 0;
	/* a later pass has no transaction yet, and neither has the first one of
	 * a dialog module that makes its record together with it */
	if(!known && !irl_host()->creates_late)
		return ENOENT;
	return keep_for_later(side, &user);
}

uint64_t irl_capture_current(struct sip_msg *msg)
{
	struct irl_msg_key key;
	struct irl_session *s = NULL;
	uint64_t id = 0;
	enum irl_leg_id leg;
	uint32_t hash;
	str tag;

	if(msg->first_line.type == SIP_REQUEST && is_now(msg) && now.id)
		return now.id;
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
	return is_now(msg) && now.own;
}

int irl_capture_init(void)
{
	if(register_script_cb(on_request, PRE_SCRIPT_CB | REQUEST_CB, NULL) < 0
			|| register_script_cb(on_reply, PRE_SCRIPT_CB | ONREPLY_CB, NULL)
					   < 0
			|| register_script_cb(on_done, POST_SCRIPT_CB | REQUEST_CB, NULL)
					   < 0
			|| irl_tm.register_tmcb(
					   NULL, NULL, TMCB_REQUEST_IN, on_transaction, NULL, NULL)
					   <= 0
			|| irl_tm.register_tmcb(NULL, NULL, TMCB_LOCAL_REQUEST_IN,
					   on_local_request, NULL, NULL)
					   <= 0) {
		LM_ERR("callbacks cannot be registered\n");
		return -1;
	}
	return 0;
}
