/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture_now.h"

#include <errno.h>

#include "core/dprint.h"
#include "core/parser/parse_cseq.h"

#include "core_route_set.h"
#include "expiry.h"
#include "gruu.h"
#include "index.h"
#include "keep.h"
#include "release.h"
#include "store.h"
#include "transaction_end.h"
#include "worker.h"

/* What can be read of it. */
static void read_answer(
		struct sip_msg *rpl, str *routes, struct irl_answer *ans)
{
	str to;

	ans->tag = irl_msg_to_tag(rpl);
	if(!ans->tag.len)
		return;
	to = irl_msg_to(rpl);
	ans->routes = routes;
	ans->nroutes = irl_msg_routes(rpl, routes);
	if(ans->nroutes < 0) {
		ans->cut = 1;
		ans->nroutes = irl_msg_callers_routes(rpl, routes);
	}
	if(irl_untag(&to, 0, &ans->to) != 0)
		ans->to.len = 0;
	ans->contact = irl_msg_contact(rpl);
	ans->socket = rpl->rcv.bind_address;
	ans->lifetime = irl_msg_expires(rpl);
}

/* It is relayed all the same, unless it is late. */
static void complain(
		const struct sip_msg *rpl, const struct irl_answer *ans, int err)
{
	const char *why = err == EINVAL	  ? "no To tag"
					  : err == E2BIG  ? "too many or malformed Record-Routes"
					  : err == EMFILE ? "too many other answers"
					  : err == ENOMEM ? "out of memory"
					  : err			  ? "too much text"
					  : !ans->to.len  ? "malformed To"
									  : NULL;

	if(why)
		LM_WARN("2xx not recorded as a whole: %s, Call-ID %.*s\n", why,
				rpl->callid->body.len, rpl->callid->body.s);
}

/* Passes at which we record-routed: as often the ACK will come by. Copies of
 * the INVITE that forked between two passes count as one. */
static uint8_t passes_of_ack(
		const struct irl_session *s, const struct irl_answer *ans)
{
	uint32_t seen = 0;
	int i, n = 0;

	if(s->npasses == 1)
		return 1;

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
 * made one of its own. Another INVITE of that Call-ID and tag has none of it,
 * whoever answers it with the same To tag. Slot locked. */
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
		if(sibling->pass[0].key == s->pass[0].key && irl_str_eq(&other, &caller)
				&& irl_session_dialog(sibling, tag))
			return sibling;
	}
	return s;
}

/* The session has a timer when the 2xx says so and its refreshes come by here.
 * Slot locked. */
static void start_timer(struct irl_session *s, const struct irl_answer *ans)
{
	int i = 0;

	if(!ans->lifetime)
		return;
	while(i < ans->nroutes && !irl_route_is_own(&ans->routes[i]))
		i++;
	if(i < ans->nroutes)
		irl_expiry_start(s, ans->lifetime, irl_clock());
}

/* A dialog was answered after another one: a session of its own, released
 * with the first. Slot locked. */
static void split(struct irl_session *s, struct irl_dialog *dlg,
		const struct irl_answer *ans)
{
	struct irl_session *other = irl_session_split(s, dlg);

	if(!other || irl_store_insert(s->hash, other) != 0) {
		LM_ERR("second answer not recorded: out of memory or max_sessions\n");
		irl_session_free(other);
		return;
	}
	irl_index_update(other, IRL_INDEX_ALL);
	start_timer(other, ans);
	irl_gruu_note(other, 1u << IRL_CALLEE);
	if(other->gruus)
		irl_worker_post(other->id);
	if(s->release)
		irl_release_together(other, s->release);
}

/* A 2xx to the INVITE that we have already ended: not the caller's any more.
 * Slot locked. @return 0, or what irl_session_answer() says */
static int take_late(struct irl_session *s, const struct irl_answer *ans)
{
	int err;
	struct irl_dialog *dlg = irl_session_answer(s, ans, &err);

	if(!dlg)
		return err;
	dlg->late = dlg->late == IRL_NOT_LATE	 ? IRL_LATE_DUE
				: dlg->late == IRL_LATE_DONE ? IRL_LATE_ACK_DUE
											 : dlg->late;
	if(s->release)
		s->release->late = 1;
	irl_release_event(s, IRL_EV_ANSWER);
	return err;
}

/* The first 2xx of a dialog, NULL for one that cannot be stored: the session is
 * answered all the same. */
static void begin_dialog(struct irl_session *s, struct irl_dialog *dlg,
		const struct irl_answer *ans)
{
	if(dlg)
		dlg->acks = passes_of_ack(s, ans);
	if(dlg && dlg != s->current)
		split(s, dlg, ans);
	else if(dlg || !s->current->answered) {
		start_timer(s, ans);
		irl_gruu_note(s, 1u << IRL_CALLEE);
		irl_release_event(s, IRL_EV_ANSWER);
	}
}

/* One that the caller gets. Slot locked. @return as take_late(), once a pass */
static int take_in_time(struct irl_session *s, const struct irl_answer *ans)
{
	struct irl_dialog *dlg = irl_session_dialog(s, &ans->tag);
	int known = dlg && dlg->answered, err;
	int seen = known && (dlg->answered >> ans->pass & 1);

	dlg = irl_session_answer(s, ans, &err);
	if(!known && !s->cancelled)
		begin_dialog(s, dlg, ans);
	return seen ? 0 : err;
}

/* @return 1 when the 2xx must not reach the caller */
static int take_answer(
		struct cell *t, struct sip_msg *rpl, uint64_t id, int pass)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.pass = pass};
	struct irl_session *s;
	int late, err;

	read_answer(rpl, routes, &ans);
	s = irl_store_get(id);
	if(!s)
		return 0;
	s = session_of_dialog(s, &ans.tag);
	late = s->cancelled && pass == 0;
	s->invite.t1_ms = (uint16_t)t->rt_t1_timeout_ms;
	err = late ? take_late(s, &ans) : take_in_time(s, &ans);
	irl_index_update(s, IRL_INDEX_CONTACTS);
	irl_store_changed(s);
	irl_release_unlock(s);
	complain(rpl, &ans, err);
	irl_keep_wait();
	return late;
}

/* The session whose INVITE we have ended and whose first pass this response
 * comes back to. @return it with its slot locked, NULL with none */
static struct irl_session *cancelled_session(struct sip_msg *rpl)
{
	struct irl_msg_key key;
	struct irl_session *s = NULL;
	uint32_t cseq, hash, via;
	str tag;

	if(irl_msg_key(rpl, &key) != 0)
		return NULL;
	cseq = irl_msg_invite_cseq(rpl);
	via = irl_msg_reply_key(rpl);
	hash = irl_store_lock(&key.callid);
	while((s = irl_store_next(hash, &key.callid, s))) {
		tag = irl_text_get(&s->text, s->from_tag);
		if(s->cancelled && s->invite_cseq == cseq + 1 && s->pass[0].key == via
				&& irl_str_eq(&tag, &key.from_tag))
			return s;
	}
	irl_store_unlock(hash);
	return NULL;
}

int irl_on_late_reply(struct sip_msg *rpl, unsigned int flags, void *param)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.pass = 0};
	struct irl_transaction_id invite;
	struct irl_session *s;
	int is_answer = rpl->REPLY_STATUS >= 200 && rpl->REPLY_STATUS < 300;
	int err = 0;

	if(!irl_store_cancelled() || get_cseq(rpl)->method_id != METHOD_INVITE)
		return 1;
	if(is_answer)
		read_answer(rpl, routes, &ans);
	s = cancelled_session(rpl);
	if(!s)
		return 1;
	if(is_answer)
		err = take_late(s, &ans);
	invite = s->invite;
	irl_release_unlock(s);
	if(is_answer) {
		complain(rpl, &ans, err);
		irl_transaction_heard(&invite, rpl);
	}
	/* others are for tm, which does not send them on; without it they would
	 * be, past the final response that the caller has */
	return !is_answer && irl_transaction_known(rpl);
}

static void take_provisional(struct sip_msg *rpl, uint64_t id, int pass)
{
	str tag = irl_msg_to_tag(rpl);
	struct irl_session *s;

	if(!tag.len)
		return;
	s = irl_store_get(id);
	if(!s)
		return;
	irl_session_early(s, &tag, pass);
	irl_store_unlock(s->hash);
}

static int is_cancelled(uint64_t id)
{
	struct irl_session *s = irl_store_get(id);
	int cancelled = s && s->cancelled;

	if(s)
		irl_store_unlock(s->hash);
	return cancelled;
}

void irl_on_invite_response(
		struct cell *t, int type, struct tmcb_params *params)
{
	struct sip_msg *rpl = params->rpl;
	uint64_t id;
	int pass;

	if(!rpl || rpl == FAKED_REPLY || get_cseq(rpl)->method_id != METHOD_INVITE)
		return;
	id = irl_unpack(params->param, &pass);
	if(params->code > 100 && params->code < 200)
		take_provisional(rpl, id, pass);
	else if(params->code >= 200 && params->code < 300
			&& take_answer(t, rpl, id, pass))
		/* it came between irl_on_late_reply() and the final response of ours: of a
		 * 100 tm takes no notice but for the CANCEL */
		rpl->REPLY_STATUS = 100;
	else if(params->code >= 300 && pass == 0 && is_cancelled(id))
		irl_transaction_branch_over(t);
}
