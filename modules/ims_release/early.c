/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "procedure.h"

#include <string.h>

#include "core/dprint.h"

#include "core_cseq.h"
#include "gruu.h"
#include "release.h"
#include "stats.h"
#include "store.h"
#include "transaction.h"
#include "transaction_end.h"
#include "worker.h"

static str reason_of(char buf[IRL_REASON_MAX])
{
	const struct irl_reason reason = irl_release_reason(&irl_snap.r);
	str line = {buf, (int)irl_reason_print(buf, IRL_REASON_MAX, &reason)};

	return line;
}

/* Take the INVITE over from the caller, unless a 2xx was faster or it is not
 * relayed yet. @return 1 when it is ours to answer */
static int take_invite(void)
{
	struct irl_session *s = irl_store_get(irl_snap.s.id);
	int ours;

	if(!s)
		return 0;
	ours = s->state == IRL_CANCELLING && s->invite.known;
	if(ours) {
		irl_release_event(s, IRL_EV_REPLY);
		irl_store_set_cancelled(s);
		irl_snap.s.invite = s->invite;
	}
	irl_release_unlock(s);
	return ours;
}

/* It has not been answered by us. Had it failed by itself nobody would be left
 * to be told; but nobody was told that may have to be. */
static void note_failed(void)
{
	struct irl_session *s = irl_store_get(irl_snap.s.id);

	if(!s)
		return;
	s->release->failed = 1;
	irl_store_unlock(s->hash);
	LM_ERR("INVITE cannot be cancelled, Call-ID %.*s\n",
			irl_snap_text(irl_snap.s.callid).len,
			irl_snap_text(irl_snap.s.callid).s);
}

void irl_cancel_invite(void)
{
	char buf[IRL_REASON_MAX];
	str reason = reason_of(buf);
	int code;

	if(!take_invite())
		return;
	code = irl_transaction_end(
			&irl_snap.s.invite, irl_cause_response(irl_snap.r.cause), &reason);
	if(code == 0) {
		irl_stat_inc(cancels);
		irl_worker_timer(
				IRL_TIMER_INVITE, irl_snap.s.id, irl_session_t1(&irl_snap.s));
	} else if(code < 300)
		note_failed();
	/* the dialog module has said so by now, if it has a record */
	irl_release_raise(irl_snap.s.id, IRL_EV_FAIL);
}

/* RFC 3261 17.1.1.2: an INVITE goes out again after T1, 3, 7, 15, 31 and 63
 * of it, until a response is here. */
void irl_release_resend(uint64_t id)
{
	struct irl_session *s = irl_store_get(id);
	struct irl_transaction_id invite;
	unsigned int waited, t1;

	if(!s)
		return;
	invite = s->invite;
	t1 = irl_session_t1(s);
	waited = s->release ? ++s->release->waited : 64;
	irl_store_unlock(s->hash);
	if(waited < 64 && irl_transaction_resend(&invite, !(waited & (waited + 1))))
		irl_worker_timer_again(IRL_TIMER_INVITE, id, t1);
}

static void acknowledge(const struct irl_pass *from)
{
	const struct irl_bye_policy p = irl_policy();
	struct irl_bye ack;

	if(irl_bye_build_for_caller(&irl_snap.s, &irl_snap.dlg, from, &p, &ack) != 0
			|| irl_gruu_resolve(&irl_snap.s, &ack) < 0)
		return;
	ack.cseq = irl_cseq_highest(irl_snap.s.invite_cseq);
	if(irl_transaction_ack(&ack) < 0)
		LM_ERR("no ACK can be sent, Call-ID %.*s\n", ack.callid.len,
				ack.callid.s);
}

void irl_acknowledge(void)
{
	acknowledge(irl_session_entry(&irl_snap.s, &irl_snap.dlg, NULL));
}

/* No BYE is ours any more when it has its answer. */
static void drop_extra(uint64_t id, const struct cell *t)
{
	struct irl_session *s = irl_store_get(id);
	struct irl_extra_bye **at, *extra;

	if(!s)
		return;
	for(at = &s->release->extra; (extra = *at); at = &extra->next) {
		if(extra->index == t->hash_index && extra->label == t->label) {
			*at = extra->next;
			irl_mem.release(extra);
			break;
		}
	}
	irl_store_unlock(s->hash);
}

/* tm: the final response to the BYE after a late 2xx. */
static void on_late_answer(struct cell *t, int type, struct tmcb_params *params)
{
	if(params->code < 200)
		return;
	drop_extra((uint64_t)(uintptr_t)*params->param, t);
	irl_count_answer(params->code);
}

/* Our own BYE will come by on later passes. @return 0 or -1 */
static int store_extra(const struct irl_prepared *prepared)
{
	struct irl_extra_bye *extra = irl_mem.alloc(sizeof(*extra));
	struct irl_session *s = extra ? irl_store_get(irl_snap.s.id) : NULL;

	if(!s) {
		if(extra)
			irl_mem.release(extra);
		return -1;
	}
	extra->own = prepared->own;
	extra->index = prepared->buffer->my_T->hash_index;
	extra->label = prepared->buffer->my_T->label;
	extra->next = s->release->extra;
	s->release->extra = extra;
	irl_store_unlock(s->hash);
	return 0;
}

static void send_late_bye(void)
{
	const struct irl_bye_policy p = irl_policy();
	struct irl_prepared prepared;
	struct irl_bye bye;
	str headers;
	int err = irl_bye_build_for_caller(
			&irl_snap.s, &irl_snap.dlg, &irl_snap.s.pass[0], &p, &bye);

	if(!err)
		err = irl_gruu_resolve(&irl_snap.s, &bye);
	if(!err) {
		irl_bye_headers(&bye, irl_headers_buf, &headers);
		err = irl_transaction_bye(&bye, &headers, on_late_answer,
				(void *)(uintptr_t)irl_snap.s.id, &prepared);
	}
	if(err) {
		LM_ERR("no BYE can be sent, Call-ID %.*s\n",
				irl_snap_text(irl_snap.s.callid).len,
				irl_snap_text(irl_snap.s.callid).s);
		return;
	}
	store_extra(&prepared);
	irl_transaction_send(&prepared);
}

/* The next dialog with a late 2xx to be seen to. @return what is due of it */
static enum irl_late next_late(void)
{
	struct irl_session *s = irl_store_get(irl_snap.s.id);
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
		irl_snapshot_take(&irl_snap, s, dlg);
	}
	irl_store_unlock(s->hash);
	return due;
}

void irl_answer_late(void)
{
	enum irl_late due;

	while((due = next_late())) {
		acknowledge(&irl_snap.s.pass[0]);
		if(due == IRL_LATE_DUE)
			send_late_bye();
	}
}

void irl_answer_pending(void)
{
	char buf[IRL_REASON_MAX];
	str reason = reason_of(buf);
	const struct irl_leg *l;
	int i;

	for(i = 0; i < IRL_LEGS; i++) {
		l = &irl_snap.dlg.leg[i];
		if(l->reinvite.known)
			irl_transaction_end(&l->reinvite, 487, &reason);
		if(l->update.known)
			irl_transaction_end(&l->update, 481, &reason);
	}
}
