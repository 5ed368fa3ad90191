/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_session.h"

#include <errno.h>
#include <string.h>

#include "core_cseq.h"
#include "core_route_set.h"

struct irl_session *irl_session_new(const struct irl_invite *inv)
{
	struct irl_session *s = irl_mem.alloc(sizeof(*s));

	if(!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->current = &s->first;
	s->invite_cseq = inv->cseq + 1; /* of IRL_CSEQ_NONE, 0 */
	irl_dialog_init(&s->first, s);
	if(irl_text_set(&s->text, &s->callid, &inv->callid)
			|| irl_text_set(&s->text, &s->from, &inv->from)
			|| irl_text_set(&s->text, &s->from_tag, &inv->from_tag)
			|| irl_text_set(&s->text, &s->to, &inv->to)
			|| irl_text_set(&s->text, &s->contact, &inv->contact)
			|| irl_text_set(&s->text, &s->impu, &inv->impu)
			|| irl_text_set(&s->text, &s->icid, &inv->icid)) {
		irl_session_free(s);
		return NULL;
	}
	return s;
}

static void release_free(struct irl_release *r)
{
	struct irl_extra_bye *extra, *next;

	for(extra = r->extra; extra; extra = next) {
		next = extra->next;
		irl_mem.release(extra);
	}
	irl_mem.release(r);
}

void irl_session_free(struct irl_session *s)
{
	struct irl_dialog *dlg, *next;

	if(!s)
		return;
	for(dlg = s->first.next; dlg; dlg = next) {
		next = dlg->next;
		irl_mem.release(dlg);
	}
	if(s->release)
		release_free(s->release);
	irl_block_free(&s->text);
	irl_mem.release(s);
}

int irl_session_add_pass(struct irl_session *s, const struct irl_pass *pass)
{
	int i;

	for(i = 0; i < s->npasses; i++) {
		if(pass->key && s->pass[i].key == pass->key)
			return i;
	}
	if(s->npasses < IRL_PASSES_MAX)
		s->npasses++;
	s->pass[s->npasses - 1] = *pass;
	return s->npasses - 1;
}

/* Sides that the script named. */
static int script_said(const struct irl_session *s)
{
	int i, said = IRL_NO_SIDE;

	for(i = 0; i < s->npasses; i++)
		said |= s->pass[i].said;
	return said;
}

int irl_session_serve(
		struct irl_session *s, int pass, enum irl_side side, const str *impu)
{
	int i, taken = 0;

	for(i = 0; i < s->npasses; i++)
		taken |= i != pass && (s->pass[i].said & IRL_ORIG);
	s->pass[pass].said = (uint8_t)side;
	if(!impu->len || (taken && side == IRL_ORIG))
		return 0;
	return irl_text_set(&s->text, taken ? &s->called_impu : &s->impu, impu);
}

static int pass_side(const struct irl_pass *pass, int said)
{
	return said ? pass->said : pass->guessed;
}

enum irl_side irl_session_served(const struct irl_session *s)
{
	int said = script_said(s);
	int side = IRL_NO_SIDE;
	int i;

	for(i = 0; i < s->npasses; i++)
		side |= pass_side(&s->pass[i], said);
	return (enum irl_side)side;
}

str irl_session_user(const struct irl_session *s, enum irl_leg_id leg)
{
	enum irl_side served = irl_session_served(s);
	str none = {"", 0};

	if(!(served & (leg == IRL_CALLER ? IRL_ORIG : IRL_TERM)))
		return none;
	return irl_text_get(&s->text,
			leg == IRL_CALLEE && served == IRL_BOTH ? s->called_impu : s->impu);
}

const struct irl_pass *irl_session_entry(const struct irl_session *s,
		const struct irl_dialog *dlg, enum irl_side *side)
{
	const struct irl_pass *entry = NULL, *first = NULL;
	int said = script_said(s);
	int i, serves = IRL_ORIG;

	for(i = 0; i < s->npasses; i++) {
		if(dlg->passes && !(dlg->passes & (1u << i)))
			continue;
		if(!first)
			first = &s->pass[i];
		if(pass_side(&s->pass[i], said) & IRL_ORIG) {
			entry = &s->pass[i];
			serves = IRL_ORIG;
			break;
		}
		if(pass_side(&s->pass[i], said) & IRL_TERM) {
			entry = &s->pass[i];
			serves = IRL_TERM;
		}
	}
	/* the script has named other passes only */
	if(!entry)
		entry = first || !s->npasses ? first : &s->pass[0];
	if(side)
		*side = (enum irl_side)serves;
	return entry;
}

struct irl_dialog *irl_session_match(struct irl_session *s, const str *from_tag,
		const str *to_tag, enum irl_leg_id *leg)
{
	str caller = irl_text_get(&s->text, s->from_tag);

	if(irl_str_eq(&caller, from_tag)) {
		*leg = IRL_CALLER;
		return irl_session_dialog(s, to_tag);
	}
	if(irl_str_eq(&caller, to_tag)) {
		*leg = IRL_CALLEE;
		return irl_session_dialog(s, from_tag);
	}
	return NULL;
}

str irl_session_tag(const struct irl_session *s, const struct irl_dialog *dlg,
		enum irl_leg_id leg)
{
	return irl_text_get(&s->text, leg == IRL_CALLER ? s->from_tag : dlg->tag);
}

str irl_session_target(const struct irl_session *s,
		const struct irl_dialog *dlg, enum irl_leg_id leg)
{
	str target = irl_text_get(&s->text, dlg->leg[leg].target);

	if(!target.len && leg == IRL_CALLER)
		target = irl_text_get(&s->text, s->contact);
	return target;
}

int irl_session_refresh(struct irl_session *s, struct irl_dialog *dlg,
		enum irl_leg_id leg, uint32_t cseq, const str *requested,
		const str *answered)
{
	enum irl_leg_id other = leg == IRL_CALLER ? IRL_CALLEE : IRL_CALLER;
	int err = 0;

	/* once: the same 2xx comes by once a pass, and may be retransmitted after
	 * the other party moved its target again */
	if(cseq + 1 <= dlg->leg[leg].refreshed)
		return 0;
	if(requested->len)
		err = irl_text_set(&s->text, &dlg->leg[leg].target, requested);
	if(!err && answered->len)
		err = irl_text_set(&s->text, &dlg->leg[other].target, answered);
	if(!err)
		dlg->leg[leg].refreshed = cseq + 1;
	dlg->moved = dlg->answered != 0;
	return err;
}

void irl_session_keep_pending(
		struct irl_transaction_id *kept, const struct irl_transaction_id *id)
{
	if(!kept->known || id->cseq > kept->cseq
			|| (id->cseq == kept->cseq && id->vias < kept->vias))
		*kept = *id;
}

int irl_session_event(struct irl_session *s, enum irl_event ev)
{
	int actions;
	int next = irl_fsm_next((enum irl_state)s->state, ev, &actions);

	if(next < 0)
		return -1;
	s->state = (uint8_t)next;
	return actions;
}
