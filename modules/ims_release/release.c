/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "release.h"

#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/rand/kam_rand.h"

#include "core_bye.h"
#include "core_cseq.h"
#include "core_headers.h"
#include "event_route.h"
#include "host_end.h"
#include "job.h"
#include "msg.h"
#include "params.h"
#include "snapshot.h"
#include "stats.h"
#include "store.h"
#include "transaction.h"
#include "worker.h"

/* A code for a BYE that could not be sent: what RFC 3261 8.1.3.1 makes of a
 * transport error. */
#define NOT_SENDABLE 503

#define HEADERS_MAX 8192

/* ---- under the lock --------------------------------------------------------- */

void irl_release_event(struct irl_session *s, enum irl_event ev)
{
	enum irl_state before = (enum irl_state)s->state;
	int actions = irl_session_event(s, ev);

	if(actions < 0) {
		LM_DBG("event %s refused in state %s\n", irl_event_label(ev),
				irl_state_label(before));
		return;
	}
	irl_store_state_changed(before, (enum irl_state)s->state);
	if(s->release)
		s->release->todo |= (uint32_t)(actions & ~IRL_DO_ERASE);
}

void irl_release_unlock(struct irl_session *s)
{
	uint32_t hash = s->hash;
	uint64_t id = s->id;
	int due = s->release && s->release->todo;

	if(s->state == IRL_GONE) {
		irl_store_erase(s);
		due = 0;
	}
	irl_store_unlock(hash);
	if(due)
		irl_worker_post(id);
}

int irl_release_is_own(const struct irl_session *s, struct sip_msg *msg)
{
	const struct irl_leg_release *l;
	const struct irl_extra_bye *extra;
	int i;

	for(i = 0; s->release && i < IRL_LEGS; i++) {
		l = &s->release->leg[i];
		if(l->status == IRL_BYE_SENT && irl_msg_has_branch(msg, l->branch))
			return 1;
	}
	for(extra = s->release ? s->release->extra : NULL; extra;
			extra = extra->next) {
		if(irl_msg_has_branch(msg, extra->branch))
			return 1;
	}
	return 0;
}

/* ---- trigger ------------------------------------------------------------------ */

static struct irl_release *new_release(
		int cause, const char *text, int len, uint32_t job)
{
	struct irl_release *r = irl_mem.alloc(sizeof(*r));

	if(!r) {
		LM_ERR("out of memory: session not released\n");
		return NULL;
	}
	memset(r, 0, sizeof(*r));
	r->cause = (uint16_t)cause;
	r->job = job;
	r->todo = IRL_DO_ANNOUNCE;
	r->text_len = (uint8_t)len;
	memcpy(r->text, text, (size_t)len);
	return r;
}

enum irl_trigger irl_release_trigger(
		uint64_t id, int cause, const str *text, uint32_t job)
{
	struct irl_release *r = new_release(cause, text->s, text->len, job);
	enum irl_trigger result = IRL_STARTED;
	struct irl_session *s;

	if(!r)
		return IRL_NO_MEMORY;
	s = irl_store_get(id);
	if(!s || !irl_state_live((enum irl_state)s->state)) {
		result = s && irl_state_releasing((enum irl_state)s->state)
						 ? IRL_UNDER_WAY
						 : IRL_NO_SESSION;
		irl_mem.release(r);
	} else {
		s->release = r;
		irl_release_event(s, IRL_EV_TRIGGER);
	}
	if(s)
		irl_release_unlock(s);
	return result;
}

void irl_release_together(
		struct irl_session *s, const struct irl_release *sibling)
{
	s->release =
			new_release(sibling->cause, sibling->text, sibling->text_len, 0);
	if(!s->release)
		return;
	irl_release_event(s, IRL_EV_TRIGGER);
	irl_worker_post(s->id);
}

/* ---- the releasing process ---------------------------------------------------- */

/* The session at work. */
static struct irl_snapshot snap;

static str snap_text(struct irl_text t)
{
	return irl_snapshot_text(&snap, t);
}

/* What the event routes and their variables see. */
static void describe(struct irl_event_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->callid = snap_text(snap.s.callid);
	ctx->impu = snap_text(snap.s.impu);
	ctx->icid = snap_text(snap.s.icid);
	ctx->text.s = snap.r.text;
	ctx->text.len = snap.r.text_len;
	ctx->cause = snap.r.cause;
	ctx->job = snap.r.job;
	ctx->served = irl_session_served(&snap.s);
	ctx->state = (enum irl_state)snap.s.state;
	ctx->code[IRL_CALLER] = snap.r.leg[IRL_CALLER].code;
	ctx->code[IRL_CALLEE] = snap.r.leg[IRL_CALLEE].code;
	ctx->failed = snap.r.failed;
}

/* Reason, the parameter extra_headers, and what the script adds. */
static void headers_of(const struct irl_bye *bye, char *buf, str *headers)
{
	struct irl_event_ctx ctx;

	headers->s = buf;
	memcpy(buf, bye->reason.s, (size_t)bye->reason.len);
	headers->len = bye->reason.len;
	if(headers->len + irl_params.extra_headers.len <= HEADERS_MAX) {
		memcpy(buf + headers->len, irl_params.extra_headers.s,
				(size_t)irl_params.extra_headers.len);
		headers->len += irl_params.extra_headers.len;
	}
	describe(&ctx);
	ctx.leg = bye->to;
	headers->len += irl_event_route_bye(
			&ctx, buf + headers->len, HEADERS_MAX - headers->len);
}

static void on_answer(struct cell *t, int type, struct tmcb_params *params);

/* Parameter of a BYE's callback: the session, the leg, the try. */
static void *answer_param(uint64_t id, enum irl_leg_id leg, int tries)
{
	return (void *)(uintptr_t)(id << 4 | (unsigned)(tries << 1 | (int)leg));
}

static struct irl_bye_policy policy(void)
{
	struct irl_bye_policy p = {.service_control = irl_params.service_control,
			.is_own = irl_route_is_own,
			.rnd = (uint32_t)kam_rand()};

	return p;
}

static char headers_buf[HEADERS_MAX];

static int prepare_bye(enum irl_leg_id to, struct irl_prepared *prepared)
{
	const struct irl_bye_policy p = policy();
	struct irl_leg_release *l = &snap.r.leg[to];
	struct irl_bye bye;
	str headers;

	if(irl_bye_build(&snap.s, &snap.dlg, to, &p, &bye) != 0)
		return -1;
	if(l->tries)
		bye.cseq = irl_cseq_retry(l->cseq);
	headers_of(&bye, headers_buf, &headers);
	l->cseq = bye.cseq;
	l->tries++;
	return irl_transaction_bye(&bye, &headers, on_answer,
			answer_param(snap.s.id, to, l->tries), prepared);
}

static void check_both_final(struct irl_session *s)
{
	if(s->release->leg[IRL_CALLER].status == IRL_BYE_FINAL
			&& s->release->leg[IRL_CALLEE].status == IRL_BYE_FINAL)
		irl_release_event(s, IRL_EV_FINAL);
}

static int is_gone(int code)
{
	return code == 481 || code == 408;
}

static void set_final(struct irl_release *r, enum irl_leg_id leg, int code)
{
	r->leg[leg].status = IRL_BYE_FINAL;
	r->leg[leg].code = (uint16_t)code;
	if(code > 299 && !is_gone(code))
		r->failed = 1;
}

/* Store what tells our BYEs when they come back, then send them. */
static void store_and_send(
		struct irl_prepared prepared[IRL_LEGS], const int legs[IRL_LEGS])
{
	struct irl_session *s = irl_store_get(snap.s.id);
	struct irl_leg_release *l;
	int i;

	for(i = 0; s && i < IRL_LEGS; i++) {
		if(!legs[i])
			continue;
		l = &s->release->leg[i];
		l->cseq = snap.r.leg[i].cseq;
		l->tries = snap.r.leg[i].tries;
		l->status = IRL_BYE_SENT;
		memcpy(l->branch, prepared[i].branch, sizeof(l->branch));
		if(!prepared[i].buffer)
			set_final(s->release, (enum irl_leg_id)i, NOT_SENDABLE);
	}
	if(s) {
		check_both_final(s);
		irl_release_unlock(s);
	}
	for(i = 0; i < IRL_LEGS; i++) {
		if(legs[i] && prepared[i].buffer)
			irl_transaction_send(&prepared[i]);
	}
}

static void send_byes(int to_caller, int to_callee)
{
	const int legs[IRL_LEGS] = {
			[IRL_CALLER] = to_caller, [IRL_CALLEE] = to_callee};
	struct irl_prepared prepared[IRL_LEGS];
	int i;

	memset(prepared, 0, sizeof(prepared));
	for(i = 0; i < IRL_LEGS; i++) {
		if(legs[i] && prepare_bye((enum irl_leg_id)i, &prepared[i]) < 0) {
			LM_ERR("no BYE to the %s can be sent, Call-ID %.*s\n",
					i == IRL_CALLER ? "caller" : "callee",
					snap_text(snap.s.callid).len, snap_text(snap.s.callid).s);
			prepared[i].buffer = NULL;
		}
	}
	store_and_send(prepared, legs);
}

static void count_answer(int code)
{
	if(code < 300)
		irl_stat_inc(byes_2xx);
	else if(is_gone(code))
		irl_stat_inc(byes_gone);
	else
		irl_stat_inc(byes_refused);
}

/* tm: the final response to a BYE of ours, or 408. May come twice. */
static void on_answer(struct cell *t, int type, struct tmcb_params *params)
{
	uint64_t v = (uint64_t)(uintptr_t)*params->param;
	enum irl_leg_id leg = (enum irl_leg_id)(v & 1);
	struct irl_leg_release *l;
	struct irl_session *s;
	int tries = (int)(v & 15) >> 1, fresh;

	if(params->code < 200)
		return;
	s = irl_store_get(v >> 4);
	if(!s)
		return;
	l = s->release ? &s->release->leg[leg] : NULL;
	fresh = l && l->status == IRL_BYE_SENT && l->tries == tries;
	if(fresh && params->code == 500 && tries == 1) {
		/* perhaps a CSeq too low: once more, well above */
		l->status = IRL_BYE_NONE;
		s->release->todo |=
				leg == IRL_CALLER ? IRL_DO_RETRY_CALLER : IRL_DO_RETRY_CALLEE;
	} else if(fresh) {
		set_final(s->release, leg, params->code);
		check_both_final(s);
	}
	irl_release_unlock(s);
	if(fresh)
		count_answer(params->code);
}

/* ---- an early session -------------------------------------------------------- */

static str reason_of(char buf[IRL_REASON_MAX])
{
	str text = {snap.r.text, snap.r.text_len};
	str reason = {buf, 0};

	reason.len =
			(int)irl_reason_print(buf, IRL_REASON_MAX, snap.r.cause, &text);
	return reason;
}

/* Take the INVITE over from the caller, unless a 2xx was faster or it is not
 * relayed yet. @return 1 when it is ours to answer */
static int take_invite(void)
{
	struct irl_session *s = irl_store_get(snap.s.id);
	int ours;

	if(!s)
		return 0;
	ours = s->state == IRL_CANCELLING && s->invite.known;
	if(ours) {
		irl_release_event(s, IRL_EV_REPLY);
		irl_store_set_cancelled(s);
		snap.s.invite = s->invite;
	}
	irl_release_unlock(s);
	return ours;
}

/* TS 24.229 5.4.5.1.1: cancel, and a final response to the caller. */
static void cancel(void)
{
	char buf[IRL_REASON_MAX];
	str reason = reason_of(buf);

	if(!take_invite())
		return;
	irl_transaction_end(
			&snap.s.invite, irl_cause_response(snap.r.cause), &reason);
	irl_stat_inc(cancels);
	/* the dialog module has said so by now, if it has a record */
	irl_release_timer(snap.s.id, IRL_EV_FAIL);
}

/* ---- in the caller's place ---------------------------------------------------- */

/* Acknowledge the 2xx of the dialog at work. */
static void acknowledge(void)
{
	const struct irl_bye_policy p = policy();
	struct irl_bye ack;

	if(irl_bye_build_for_caller(&snap.s, &snap.dlg, &p, &ack) != 0)
		return;
	ack.cseq = irl_cseq_highest(snap.s.invite_cseq);
	if(irl_transaction_ack(&ack) < 0)
		LM_ERR("no ACK can be sent, Call-ID %.*s\n", ack.callid.len,
				ack.callid.s);
}

/* tm: the final response to the BYE after a late 2xx. */
static void on_late_answer(struct cell *t, int type, struct tmcb_params *params)
{
	if(params->code >= 200)
		count_answer(params->code);
}

/* Our own BYE will come by on later passes. @return 0 or -1 */
static int store_extra(const struct irl_prepared *prepared)
{
	struct irl_extra_bye *extra = irl_mem.alloc(sizeof(*extra));
	struct irl_session *s = extra ? irl_store_get(snap.s.id) : NULL;

	if(!s) {
		if(extra)
			irl_mem.release(extra);
		return -1;
	}
	memcpy(extra->branch, prepared->branch, sizeof(extra->branch));
	extra->next = s->release->extra;
	s->release->extra = extra;
	irl_store_unlock(s->hash);
	return 0;
}

static void send_late_bye(void)
{
	const struct irl_bye_policy p = policy();
	struct irl_prepared prepared;
	struct irl_bye bye;
	str headers;

	if(irl_bye_build_for_caller(&snap.s, &snap.dlg, &p, &bye) != 0)
		return;
	headers_of(&bye, headers_buf, &headers);
	if(irl_transaction_bye(&bye, &headers, on_late_answer, NULL, &prepared)
			< 0) {
		LM_ERR("no BYE can be sent, Call-ID %.*s\n", bye.callid.len,
				bye.callid.s);
		return;
	}
	store_extra(&prepared);
	irl_transaction_send(&prepared);
}

/* The next dialog with a late 2xx to be seen to. @return what is due of it */
static enum irl_late next_late(void)
{
	struct irl_session *s = irl_store_get(snap.s.id);
	enum irl_late due = IRL_NOT_LATE;
	struct irl_dialog *dlg;

	if(!s)
		return IRL_NOT_LATE;
	for(dlg = &s->first; dlg; dlg = dlg->next) {
		if(dlg->late == IRL_LATE_DUE || dlg->late == IRL_LATE_ACK_DUE)
			break;
	}
	if(dlg) {
		due = (enum irl_late)dlg->late;
		dlg->late = IRL_LATE_DONE;
		irl_snapshot_take(&snap, s, dlg);
	}
	irl_store_unlock(s->hash);
	return due;
}

/* RFC 3261 13.2.2.4: each 2xx is acknowledged and, unwanted, ended. */
static void answer_late(void)
{
	enum irl_late due;

	while((due = next_late())) {
		acknowledge();
		if(due == IRL_LATE_DUE)
			send_late_bye();
	}
}

/* A re-INVITE or UPDATE that waits for its answer gets one (RFC 3261 15.1.2
 * asks it of the parties; a relayed one would wait for the slower). */
static void answer_pending(void)
{
	char buf[IRL_REASON_MAX];
	str reason = reason_of(buf);
	const struct irl_leg *l;
	int i;

	for(i = 0; i < IRL_LEGS; i++) {
		l = &snap.dlg.leg[i];
		if(l->reinvite.known)
			irl_transaction_end(&l->reinvite, 487, &reason);
		if(l->update.known)
			irl_transaction_end(&l->update, 481, &reason);
	}
}

/* ---- start and end -------------------------------------------------------------- */

static void log_start(void)
{
	LM_INFO("release of Call-ID %.*s starts, job %u, cause %u \"%.*s\"\n",
			snap_text(snap.s.callid).len, snap_text(snap.s.callid).s,
			snap.r.job, snap.r.cause, snap.r.text_len, snap.r.text);
}

static void finish(void)
{
	struct irl_event_ctx ctx;

	LM_INFO("release of Call-ID %.*s ended, job %u, cause %u, caller %u, "
			"callee %u\n",
			snap_text(snap.s.callid).len, snap_text(snap.s.callid).s,
			snap.r.job, snap.r.cause, snap.r.leg[IRL_CALLER].code,
			snap.r.leg[IRL_CALLEE].code);
	if(snap.r.failed)
		irl_stat_inc(failed);
	else
		irl_stat_inc(released);
	if(snap.s.hosted)
		irl_host_end(&snap.s, &snap.dlg);
	describe(&ctx);
	irl_event_route_done(&ctx);
	irl_job_ended(snap.r.job, !snap.r.failed, ctx.code);
	irl_worker_timer(IRL_TIMER_LINGER, snap.s.id);
}

void irl_release_step(uint64_t id)
{
	struct irl_session *s = irl_store_get(id);
	uint32_t todo, hash;

	if(!s)
		return;
	hash = s->hash;
	if(!s->release || !s->release->todo) {
		irl_store_unlock(hash);
		return;
	}
	todo = s->release->todo;
	s->release->todo = 0;
	irl_snapshot_take(&snap, s, s->current);
	irl_store_unlock(hash);
	if(todo & IRL_DO_ANNOUNCE)
		log_start();
	if(todo & IRL_DO_AWAIT_ACK)
		irl_worker_timer(IRL_TIMER_ACK, id);
	if(todo & IRL_DO_CANCEL)
		cancel();
	if(todo & IRL_DO_ACK)
		acknowledge();
	if(todo & IRL_DO_PAIR) {
		answer_pending();
		send_byes(1, 1);
	}
	if(todo & (IRL_DO_RETRY_CALLER | IRL_DO_RETRY_CALLEE))
		send_byes(todo & IRL_DO_RETRY_CALLER, todo & IRL_DO_RETRY_CALLEE);
	if(todo & IRL_DO_FINISH)
		finish();
	if(todo & IRL_DO_LATE)
		answer_late();
}

void irl_release_timer(uint64_t id, enum irl_event ev)
{
	struct irl_session *s = irl_store_get(id);

	if(!s)
		return;
	irl_release_event(s, ev);
	irl_release_unlock(s);
}

/* Seconds for a UA to repeat a BYE with credentials, and, as a dialog module
 * has it by default, for a session at all. */
#define ORPHAN_TIME 300
#define UNHOSTED_TIME 43200

static int is_left_over(const struct irl_session *s, uint32_t now)
{
	if(s->hosted || !irl_state_live((enum irl_state)s->state))
		return 0;
	return (s->orphan && now - s->orphan > ORPHAN_TIME)
		   || now - s->created > UNHOSTED_TIME;
}

void irl_release_sweep(void)
{
	uint32_t now = (uint32_t)time(NULL), hash;
	struct irl_session *s;
	uint64_t id;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		while(s && !is_left_over(s, now))
			s = s->next;
		id = s ? s->id : 0;
		irl_store_unlock(hash);
		if(id) {
			irl_release_timer(id, IRL_EV_END);
			slot--; /* there may be more */
		}
	}
}
