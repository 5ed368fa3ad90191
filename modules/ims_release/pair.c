/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "procedure.h"

#include <string.h>

#include "core/dprint.h"

#include "core_cseq.h"
#include "gruu.h"
#include "release.h"
#include "store.h"
#include "transaction.h"

/* A code for a BYE that could not be sent: what RFC 3261 8.1.3.1 makes of a
 * transport error. */
#define NOT_SENDABLE 503

static void on_answer(struct cell *t, int type, struct tmcb_params *params);

/* Parameter of a BYE's callback: the session, the leg, the try. */
static void *answer_param(uint64_t id, enum irl_leg_id leg, int tries)
{
	return (void *)(uintptr_t)(id << 4 | (unsigned)(tries << 1 | (int)leg));
}

static const char *name_of(enum irl_leg_id leg)
{
	return leg == IRL_CALLER ? "caller" : "callee";
}

/* The first BYE of a leg, or one after it. @return 0, or the error of
 * irl_bye_build() */
static int build_bye(enum irl_leg_id to, struct irl_bye *bye)
{
	const struct irl_bye_policy p = irl_policy();
	const struct irl_leg_release *l = &irl_snap.r.leg[to];
	int err;

	if(l->straight) {
		LM_NOTICE("the BYE to the %s was lost in service control: sent "
				  "straight, Call-ID %.*s\n",
				name_of(to), irl_snap_text(irl_snap.s.callid).len,
				irl_snap_text(irl_snap.s.callid).s);
		err = irl_bye_build_straight(&irl_snap.s, &irl_snap.dlg, to, &p, bye);
		bye->cseq = irl_cseq_next(l->cseq);
		return err;
	}
	err = irl_bye_build(&irl_snap.s, &irl_snap.dlg, to, &p, bye);
	if(l->tries)
		bye->cseq = irl_cseq_retry(l->cseq);
	return err;
}

static int prepare_bye(enum irl_leg_id to, struct irl_prepared *prepared)
{
	struct irl_leg_release *l = &irl_snap.r.leg[to];
	struct irl_bye bye;
	str headers;

	if(build_bye(to, &bye) != 0 || irl_gruu_resolve(&irl_snap.s, &bye) < 0)
		return -1;
	irl_bye_headers(&bye, irl_headers_buf, &headers);
	l->cseq = bye.cseq;
	l->tries++;
	return irl_transaction_bye(&bye, &headers, on_answer,
			answer_param(irl_snap.s.id, to, l->tries), prepared);
}

static void check_both_final(struct irl_session *s)
{
	if(s->release->leg[IRL_CALLER].status == IRL_BYE_FINAL
			&& s->release->leg[IRL_CALLEE].status == IRL_BYE_FINAL)
		irl_release_event(s, IRL_EV_FINAL);
}

static void set_final(struct irl_release *r, enum irl_leg_id leg, int code)
{
	/* no answer, when service control had none either: nobody was told */
	int untold = r->leg[leg].straight && code == 408;

	r->leg[leg].status = IRL_BYE_FINAL;
	r->leg[leg].code = (uint16_t)code;
	if(code > 299 && (untold || !irl_is_gone(code)))
		r->failed = 1;
}

/* An application server that is down, fails, or knows no such dialog, or our own
 * way in: the BYE did not come by its last pass here, behind which the user is. */
static int was_lost(const struct irl_leg_release *l, int code)
{
	return !l->straight && (l->own.enters || l->own.nseen < l->own.passes)
		   && (irl_is_gone(code) || code == 477
				   || (code >= 500 && code <= 599));
}

/* Once more, by the releasing process. */
static void send_again(struct irl_release *r, enum irl_leg_id leg)
{
	r->leg[leg].status = IRL_BYE_NONE;
	r->todo |= leg == IRL_CALLER ? IRL_DO_RETRY_CALLER : IRL_DO_RETRY_CALLEE;
}

/* Store what tells our BYEs when they come back, then send them. */
static void store_and_send(
		struct irl_prepared prepared[IRL_LEGS], const int legs[IRL_LEGS])
{
	struct irl_session *s = irl_store_get(irl_snap.s.id);
	struct irl_leg_release *l;
	int i;

	for(i = 0; s && i < IRL_LEGS; i++) {
		if(!legs[i])
			continue;
		l = &s->release->leg[i];
		l->cseq = irl_snap.r.leg[i].cseq;
		l->tries = irl_snap.r.leg[i].tries;
		l->status = IRL_BYE_SENT;
		l->own = prepared[i].own;
		if(!prepared[i].buffer)
			set_final(s->release, (enum irl_leg_id)i, NOT_SENDABLE);
	}
	if(s) {
		irl_store_changed(s);
		check_both_final(s);
		irl_release_unlock(s);
	}
	for(i = 0; i < IRL_LEGS; i++) {
		if(legs[i] && prepared[i].buffer)
			irl_transaction_send(&prepared[i]);
	}
}

void irl_send_byes(int to_caller, int to_callee)
{
	const int legs[IRL_LEGS] = {
			[IRL_CALLER] = to_caller, [IRL_CALLEE] = to_callee};
	struct irl_prepared prepared[IRL_LEGS];
	int i;

	memset(prepared, 0, sizeof(prepared));
	for(i = 0; i < IRL_LEGS; i++) {
		if(legs[i] && prepare_bye((enum irl_leg_id)i, &prepared[i]) < 0) {
			LM_ERR("no BYE to the %s can be sent, Call-ID %.*s\n",
					name_of((enum irl_leg_id)i),
					irl_snap_text(irl_snap.s.callid).len,
					irl_snap_text(irl_snap.s.callid).s);
			prepared[i].buffer = NULL;
		}
	}
	store_and_send(prepared, legs);
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
		send_again(s->release, leg);
	} else if(fresh && was_lost(l, params->code)) {
		l->straight = 1;
		send_again(s->release, leg);
	} else if(fresh) {
		set_final(s->release, leg, params->code);
		check_both_final(s);
	}
	irl_release_unlock(s);
	if(fresh)
		irl_count_answer(params->code);
}
