/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture_now.h"

#include <time.h>

#include "core_cseq.h"
#include "expiry.h"
#include "gruu.h"
#include "index.h"
#include "keep.h"
#include "params.h"
#include "release.h"
#include "store.h"
#include "worker.h"

/* RFC 3261 13.2.2.4: its number is that of the INVITE. */
static int is_callers_ack(
		const struct irl_session *s, enum irl_leg_id leg, struct sip_msg *msg)
{
	return leg == IRL_CALLER && irl_msg_invite_cseq(msg) + 1 == s->invite_cseq;
}

static enum irl_verdict take_request(struct irl_session *s,
		struct irl_dialog *dlg, enum irl_leg_id leg, struct sip_msg *msg)
{
	unsigned int method = msg->REQ_METHOD;
	uint32_t cseq;

	irl_now.kind = IRL_WITHIN;
	irl_now.id = s->id;
	if(method == METHOD_ACK) {
		irl_now.ack = is_callers_ack(s, leg, msg);
		return IRL_PROCEED;
	}
	if(method == METHOD_CANCEL)
		return IRL_PROCEED;
	if(!irl_state_live((enum irl_state)s->state)) {
		irl_now.own = method == METHOD_BYE && irl_release_is_own(s, leg, msg);
		/* straight from us, its answer goes back to where it comes from: an
		 * advertised address in its Via may lead elsewhere */
		if(irl_now.own && irl_msg_count_vias(msg) == 1)
			msg->msg_flags |= FL_FORCE_RPORT;
		return irl_now.own || !irl_params.answer_481 ? IRL_PROCEED : IRL_REFUSE;
	}
	if(irl_msg_cseq(msg, &cseq) == 0) {
		irl_now.cseq = cseq + 1;
		irl_cseq_note(&dlg->leg[leg].cseq, cseq);
		irl_store_changed(s);
	}
	return IRL_PROCEED;
}

enum irl_verdict irl_within_request(
		struct sip_msg *msg, const struct irl_msg_key *key)
{
	enum irl_verdict verdict = IRL_PROCEED;
	struct irl_session *s = NULL;
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	uint32_t hash;

	/* Via headers are looked at under the lock: have them parsed before */
	if(msg->REQ_METHOD == METHOD_BYE && parse_headers(msg, HDR_EOH_F, 0) < 0)
		return IRL_PROCEED;
	hash = irl_store_lock(&key->callid);
	while((s = irl_store_next(hash, &key->callid, s))) {
		dlg = irl_session_match(s, &key->from_tag, &key->to_tag, &leg);
		if(dlg) {
			verdict = take_request(s, dlg, leg, msg);
			break;
		}
	}
	irl_store_unlock(hash);
	irl_keep_wait();
	return verdict;
}

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
	irl_now.due = before == IRL_AWAITING_ACK && s->state == IRL_ENDING;
}

/* The session of the request at hand, its slot locked, and the dialog in it.
 * @return NULL: it is gone, nothing locked */
static struct irl_session *session_now(
		struct sip_msg *msg, struct irl_dialog **dlg, enum irl_leg_id *leg)
{
	struct irl_session *s;
	struct irl_msg_key key;

	if(irl_msg_key(msg, &key) != 0)
		return NULL;
	s = irl_store_get(irl_now.id);
	if(s)
		*dlg = irl_session_match(s, &key.from_tag, &key.to_tag, leg);
	return s;
}

void irl_within_acknowledged(struct sip_msg *msg)
{
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	struct irl_session *s = session_now(msg, &dlg, &leg);

	if(!s)
		return;
	if(dlg)
		note_ack(s, dlg);
	irl_store_unlock(s->hash);
	irl_keep_wait();
}

void irl_within_relayed(struct sip_msg *msg)
{
	const struct irl_transaction_id id = irl_transaction_id_now(msg);
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	struct irl_session *s = session_now(msg, &dlg, &leg);

	if(!s)
		return;
	if(dlg && msg->REQ_METHOD == METHOD_INVITE)
		irl_session_keep_pending(&dlg->leg[leg].reinvite, &id);
	else if(dlg)
		irl_session_keep_pending(&dlg->leg[leg].update, &id);
	/* a release that began meanwhile did not know of it */
	if(s->release)
		s->release->todo |= IRL_DO_PENDING;
	irl_release_unlock(s);
}

/* The target that a refresh gives a leg; empty when it keeps the one it has. */
static str moved_target(const str *has, struct sip_msg *msg, int shared)
{
	const str same = {"", 0};
	struct sip_uri parsed;
	str uri;

	if(irl_msg_contact_is(msg, has))
		return same;
	uri = shared ? irl_msg_shared_contact(msg) : irl_msg_contact(msg);
	/* a peer's nonsense must not replace a good target */
	return uri.len && parse_uri(uri.s, uri.len, &parsed) == 0 ? uri : same;
}

/* Each 2xx, when it comes by first, says anew how long the session lives; before
 * that to the INVITE there is none. */
static void refresh_timer(struct irl_session *s, const struct irl_dialog *dlg,
		struct sip_msg *rpl)
{
	if(dlg == s->current && dlg->answered)
		irl_expiry_start(s, irl_msg_expires(rpl), irl_clock());
}

/* A 2xx to a request that `leg` sent. Slot locked. */
static void take_refresh(struct irl_session *s, struct irl_dialog *dlg,
		enum irl_leg_id leg, struct sip_msg *req, struct sip_msg *rpl)
{
	enum irl_leg_id other = leg == IRL_CALLER ? IRL_CALLEE : IRL_CALLER;
	str has = irl_session_target(s, dlg, leg);
	str others = irl_session_target(s, dlg, other);
	str requested = moved_target(&has, req, 1);
	str answered = moved_target(&others, rpl, 0);
	uint32_t cseq;

	refresh_timer(s, dlg, rpl);
	if(irl_msg_cseq(rpl, &cseq) != 0)
		return;
	irl_session_refresh(s, dlg, leg, cseq, &requested, &answered);
	if(!requested.len && !answered.len)
		return;
	irl_index_update(s, IRL_INDEX_CONTACTS);
	if(dlg == s->current)
		irl_gruu_note(s, (requested.len ? 1u << leg : 0)
								 | (answered.len ? 1u << other : 0));
}

/* tm: a response to a re-INVITE or UPDATE. Only a 2xx moves targets. */
static void on_refresh_response(
		struct cell *t, int type, struct tmcb_params *params)
{
	struct sip_msg *rpl = params->rpl;
	struct irl_session *s;
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	str from, to;

	if(!rpl || rpl == FAKED_REPLY || params->code < 200 || params->code > 299
			|| !params->req)
		return;
	if(irl_msg_shared_tags(params->req, &from, &to) != 0
			|| parse_headers(rpl, HDR_EOH_F, 0) < 0)
		return;
	s = irl_store_get(irl_unpack(params->param, NULL));
	if(!s)
		return;
	dlg = irl_session_match(s, &from, &to, &leg);
	if(dlg)
		take_refresh(s, dlg, leg, params->req, rpl);
	irl_store_changed(s);
	irl_release_unlock(s);
	irl_keep_wait();
}

/* tm: the final response to somebody's BYE goes back. A 2xx ends the
 * session (TS 24.229 5.4.5.2), 481 and 408 say that the peer has none; after
 * any other, a 407 say, it goes on, though the dialog module let it go. */
static void on_bye_response(
		struct cell *t, int type, struct tmcb_params *params)
{
	struct irl_session *s;
	int code = params->code;

	if(code < 200)
		return;
	s = irl_store_get(irl_unpack(params->param, NULL));
	if(!s)
		return;
	if(s->resume_cause)
		; /* it may be that of the release which is to begin again */
	else if(code < 300 || code == 481 || code == 408) {
		/* its owner does not see it */
		irl_store_own(s, (uint32_t)time(NULL));
		irl_release_event(s, IRL_EV_END);
	} else {
		s->refused = 1;
		if(!s->orphan)
			s->orphan = (uint32_t)time(NULL);
	}
	irl_release_unlock(s);
	irl_keep_wait();
}

void irl_within_watch(struct sip_msg *msg)
{
	unsigned int method = msg->REQ_METHOD;

	if(method == METHOD_INVITE || method == METHOD_UPDATE)
		irl_watch(msg, TMCB_RESPONSE_IN, on_refresh_response, 0);
	else if(method == METHOD_BYE)
		irl_watch(msg, TMCB_RESPONSE_READY, on_bye_response, 0);
}
