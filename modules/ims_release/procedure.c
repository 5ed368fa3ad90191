/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "procedure.h"

#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/rand/kam_rand.h"

#include "backlog.h"
#include "expiry.h"
#include "gruu.h"
#include "host_end.h"
#include "job.h"
#include "msg.h"
#include "params.h"
#include "release.h"
#include "stats.h"
#include "store.h"
#include "worker.h"

struct irl_snapshot irl_snap;

char irl_headers_buf[IRL_HEADERS_MAX];

str irl_snap_text(struct irl_text t)
{
	return irl_snapshot_text(&irl_snap, t);
}

void irl_describe(struct irl_event_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->callid = irl_snap_text(irl_snap.s.callid);
	ctx->impu = irl_snap_text(irl_snap.s.impu);
	ctx->icid = irl_snap_text(irl_snap.s.icid);
	ctx->text.s = irl_snap.r.text;
	ctx->text.len = irl_snap.r.text_len;
	ctx->cause = irl_snap.r.cause;
	ctx->job = irl_snap.r.job;
	ctx->served = irl_session_served(&irl_snap.s);
	ctx->state = (enum irl_state)irl_snap.s.state;
	ctx->code[IRL_CALLER] = irl_snap.r.leg[IRL_CALLER].code;
	ctx->code[IRL_CALLEE] = irl_snap.r.leg[IRL_CALLEE].code;
	ctx->failed = irl_snap.r.failed;
}

void irl_bye_headers(const struct irl_bye *bye, char *buf, str *headers)
{
	struct irl_event_ctx ctx;

	headers->s = buf;
	memcpy(buf, bye->reason.s, (size_t)bye->reason.len);
	headers->len = bye->reason.len;
	if(headers->len + irl_params.extra_headers.len <= IRL_HEADERS_MAX) {
		memcpy(buf + headers->len, irl_params.extra_headers.s,
				(size_t)irl_params.extra_headers.len);
		headers->len += irl_params.extra_headers.len;
	}
	irl_describe(&ctx);
	ctx.leg = bye->to;
	headers->len += irl_event_route_bye(
			&ctx, buf + headers->len, IRL_HEADERS_MAX - headers->len);
}

struct irl_bye_policy irl_policy(void)
{
	struct irl_bye_policy p = {.service_control = irl_params.service_control,
			.is_own = irl_route_is_own,
			.rnd = (uint32_t)kam_rand()};

	return p;
}

void irl_count_answer(int code)
{
	if(code < 300)
		irl_stat_inc(byes_2xx);
	else if(irl_is_gone(code))
		irl_stat_inc(byes_gone);
	else
		irl_stat_inc(byes_refused);
}

static void log_start(void)
{
	LM_INFO("release of Call-ID %.*s starts, job %u, cause %u \"%.*s\"\n",
			irl_snap_text(irl_snap.s.callid).len,
			irl_snap_text(irl_snap.s.callid).s, irl_snap.r.job,
			irl_snap.r.cause, irl_snap.r.text_len, irl_snap.r.text);
}

/* 64*T1 (RFC 3261 13.2.2.4, 17.1.1.2), in milliseconds. */
static uint64_t time_of(const struct irl_session *s)
{
	return 64u * irl_session_t1(s);
}

static uint64_t transaction_time(void)
{
	return time_of(&irl_snap.s);
}

/* Requests of a released session are answered for `linger`, late answers to an
 * INVITE that we have ended as long as they may come. */
static void remember(void)
{
	uint64_t ms = 1000u * (uint64_t)irl_params.linger;

	if(!irl_snap.s.cancelled)
		irl_worker_timer(IRL_TIMER_LINGER, irl_snap.s.id, ms);
	else if(ms > transaction_time())
		irl_worker_timer(IRL_TIMER_LATE, irl_snap.s.id, ms);
	else
		irl_worker_timer(IRL_TIMER_LATE, irl_snap.s.id, transaction_time());
}

static void finish(void)
{
	struct irl_event_ctx ctx;

	LM_INFO("release of Call-ID %.*s ended, job %u, cause %u, caller %u, "
			"callee %u\n",
			irl_snap_text(irl_snap.s.callid).len,
			irl_snap_text(irl_snap.s.callid).s, irl_snap.r.job,
			irl_snap.r.cause, irl_snap.r.leg[IRL_CALLER].code,
			irl_snap.r.leg[IRL_CALLEE].code);
	if(irl_snap.r.failed)
		irl_stat_inc(failed);
	else
		irl_stat_inc(released);
	if(irl_snap.s.hosted)
		irl_host_end(&irl_snap.s, &irl_snap.dlg);
	irl_describe(&ctx);
	irl_event_route_done(&ctx);
	irl_job_ended(irl_snap.r.job, !irl_snap.r.failed, ctx.code);
	remember();
}

void irl_release_step(uint64_t id)
{
	struct irl_session *s = irl_store_get(id);
	uint32_t todo, hash;

	if(s && s->gruus) {
		irl_store_unlock(s->hash);
		irl_gruu_remember(id);
		s = irl_store_get(id);
	}
	if(!s)
		return;
	hash = s->hash;
	if(!s->release || !s->release->todo) {
		irl_store_unlock(hash);
		return;
	}
	todo = s->release->todo;
	s->release->todo = 0;
	irl_snapshot_take(&irl_snap, s, s->current);
	irl_store_unlock(hash);
	if(todo & IRL_DO_ANNOUNCE)
		log_start();
	if(todo & IRL_DO_AWAIT_ACK)
		irl_worker_timer(IRL_TIMER_ACK, id, transaction_time());
	if(todo & IRL_DO_CANCEL)
		irl_cancel_invite();
	if(todo & IRL_DO_ACK) {
		irl_acknowledge();
		/* it comes by here once a pass, as the BYEs do, each in whatever
		 * process is free: they must not overtake it */
		if(irl_snap.s.npasses > 1) {
			irl_worker_timer(IRL_TIMER_PAIR, id, transaction_time() / 64);
			todo &= ~(uint32_t)IRL_DO_PAIR;
		}
	}
	if(todo & (IRL_DO_PAIR | IRL_DO_PENDING))
		irl_answer_pending();
	if(todo & IRL_DO_PAIR)
		irl_send_byes(1, 1);
	if(todo & (IRL_DO_RETRY_CALLER | IRL_DO_RETRY_CALLEE))
		irl_send_byes(todo & IRL_DO_RETRY_CALLER, todo & IRL_DO_RETRY_CALLEE);
	if(todo & IRL_DO_FINISH)
		finish();
	if(todo & IRL_DO_LATE)
		irl_answer_late();
}

void irl_release_raise(uint64_t id, enum irl_event ev)
{
	struct irl_session *s = irl_store_get(id);

	if(!s)
		return;
	irl_release_event(s, ev);
	irl_release_unlock(s);
}

void irl_release_no_ack(uint64_t id)
{
	irl_release_raise(id, IRL_EV_NO_ACK);
}

/* @return ms in which a late 2xx may come again whose ACK got lost, 0: none may */
static uint64_t late_again(uint64_t id)
{
	struct irl_session *s = irl_store_get(id);
	uint64_t ms = 0;

	if(!s)
		return 0;
	if(s->release && s->release->late) {
		s->release->late = 0;
		ms = time_of(s);
	}
	irl_store_unlock(s->hash);
	return ms;
}

void irl_release_forget(uint64_t id)
{
	uint64_t ms = late_again(id);

	if(ms)
		irl_worker_timer(IRL_TIMER_LATE, id, ms);
	else
		irl_release_raise(id, IRL_EV_FORGET);
}

void irl_release_pair_due(uint64_t id)
{
	struct irl_session *s = irl_store_get(id);

	if(!s)
		return;
	if(s->state == IRL_ENDING && !s->release->leg[IRL_CALLER].tries
			&& !s->release->leg[IRL_CALLEE].tries)
		s->release->todo |= IRL_DO_PAIR;
	irl_release_unlock(s);
}

/* Sessions that end by their timer between two looks at what came in. */
#define EXPIRE_BURST 8

/* A refresh may have come since it was found. @return 1 with a copy of it */
static int is_expired(uint64_t id, uint32_t now)
{
	struct irl_session *s = irl_store_get(id);
	int expired;

	if(!s)
		return 0;
	expired = s->expires && s->expires <= now
			  && irl_state_live((enum irl_state)s->state);
	if(expired)
		irl_snapshot_take(&irl_snap, s, s->current);
	irl_store_unlock(s->hash);
	return expired;
}

/* TS 24.229 5.4.5.2: what is stored is deleted, the dialog module's too. */
static void delete_expired(uint64_t id)
{
	LM_INFO("session of Call-ID %.*s deleted: its timer has ended\n",
			irl_snap_text(irl_snap.s.callid).len,
			irl_snap_text(irl_snap.s.callid).s);
	if(irl_snap.s.hosted)
		irl_host_end(&irl_snap.s, &irl_snap.dlg);
	irl_release_raise(id, IRL_EV_END);
}

int irl_release_expire(void)
{
	const struct irl_reason reason = {irl_params.session_timer_cause,
			str_init("Session timer expired"), irl_params.default_reason};
	static uint64_t last_ms;
	uint32_t now = irl_clock();
	uint64_t ids[EXPIRE_BURST];
	int i, n, share;

	if(irl_params.session_timer == IRL_TIMER_OFF)
		return 0;
	share = irl_backlog_share(irl_now_ms(), EXPIRE_BURST, &last_ms);
	n = irl_expiry_take(now, ids, share);
	for(i = 0; i < n; i++) {
		if(!is_expired(ids[i], now))
			continue;
		if(irl_params.session_timer == IRL_TIMER_DELETE)
			delete_expired(ids[i]);
		else if(irl_release_trigger(ids[i], &reason, 0) == IRL_NO_MEMORY)
			return 0; /* not at once again */
	}
	return n == share;
}

/* Seconds for a UA to repeat a BYE with credentials, and, as a dialog module
 * has it by default, for a session at all. */
#define ORPHAN_TIME 300
#define UNHOSTED_TIME 43200

static int is_left_over(const struct irl_session *s, uint32_t now)
{
	if(s->hosted || !irl_state_live((enum irl_state)s->state))
		return 0;
	/* its owner tells; unless it is gone for good */
	if(s->owner.len)
		return now - s->created > 2 * UNHOSTED_TIME;
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
			irl_release_raise(id, IRL_EV_END);
			slot--; /* there may be more */
		}
	}
}
