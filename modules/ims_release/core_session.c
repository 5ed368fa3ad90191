/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_session.h"

#include <errno.h>
#include <string.h>

#include "core_cseq.h"
#include "core_route_set.h"

static void dialog_init(struct irl_dialog *dlg, const struct irl_session *s)
{
	memset(dlg, 0, sizeof(*dlg));
	dlg->leg[IRL_CALLER].cseq = irl_cseq_stored(s->invite_cseq);
	dlg->leg[IRL_CALLER].refreshed = dlg->leg[IRL_CALLER].cseq;
}

struct irl_session *irl_session_new(const struct irl_invite *inv)
{
	struct irl_session *s = irl_mem.alloc(sizeof(*s));

	if(!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->current = &s->first;
	s->invite_cseq = inv->cseq + 1; /* of IRL_CSEQ_NONE, 0 */
	dialog_init(&s->first, s);
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
	return taken || !impu->len ? 0 : irl_text_set(&s->text, &s->impu, impu);
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

struct irl_dialog *irl_session_dialog(
		struct irl_session *s, const str *callee_tag)
{
	struct irl_dialog *dlg;
	str tag;

	for(dlg = &s->first; dlg; dlg = dlg->next) {
		tag = irl_text_get(&s->text, dlg->tag);
		if(tag.len && irl_str_eq(&tag, callee_tag))
			return dlg;
	}
	return NULL;
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

static int count_dialogs(const struct irl_session *s)
{
	const struct irl_dialog *dlg;
	int n = 0;

	for(dlg = &s->first; dlg; dlg = dlg->next)
		n++;
	return n;
}

struct irl_dialog *irl_session_early(
		struct irl_session *s, const str *tag, int pass)
{
	struct irl_dialog *dlg = irl_session_dialog(s, tag);
	int fresh = 0;

	if(!dlg) {
		dlg = &s->first;
		if(dlg->tag.len) {
			dlg = count_dialogs(s) < IRL_DIALOGS_MAX
						  ? irl_mem.alloc(sizeof(*dlg))
						  : NULL;
			if(!dlg)
				return NULL;
			dialog_init(dlg, s);
			fresh = 1;
		}
		if(irl_text_set(&s->text, &dlg->tag, tag)) {
			if(fresh)
				irl_mem.release(dlg);
			return NULL;
		}
		if(fresh) {
			dlg->next = s->first.next;
			s->first.next = dlg;
		}
	}
	if(pass >= 0 && pass < IRL_PASSES_MAX)
		dlg->passes |= (uint16_t)(1u << pass);
	return dlg;
}

static int store_answer(struct irl_session *s, struct irl_dialog *dlg,
		const struct irl_answer *ans)
{
	char packed[IRL_ROUTES_BYTES];
	str routes = {packed, 0};

	if(irl_routes_pack(
			   ans->routes, ans->nroutes, packed, sizeof(packed), &routes.len)
			|| irl_text_reserve(&s->text, &dlg->routes, routes.len)
			|| irl_text_reserve(&s->text, &dlg->to, ans->to.len)
			|| irl_text_reserve(
					&s->text, &dlg->leg[IRL_CALLEE].target, ans->contact.len))
		return ENOMEM;
	/* all or nothing: with the room there, none of these fails */
	irl_text_set(&s->text, &dlg->routes, &routes);
	irl_text_set(&s->text, &dlg->to, &ans->to);
	irl_text_set(&s->text, &dlg->leg[IRL_CALLEE].target, &ans->contact);
	dlg->nroutes = (uint8_t)ans->nroutes;
	return 0;
}

struct irl_dialog *irl_session_answer(
		struct irl_session *s, const struct irl_answer *ans)
{
	struct irl_dialog *dlg = irl_session_early(s, &ans->tag, ans->pass);
	struct irl_pass *pass = &s->pass[ans->pass];
	/* an answer is of a pass: NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift) */
	uint16_t bit = (uint16_t)(1u << ans->pass);

	if(!dlg || (dlg->answered & bit))
		return dlg;
	if(!dlg->answered
			|| (pass == irl_session_entry(s, dlg, NULL) && !dlg->moved)) {
		if(store_answer(s, dlg, ans))
			return NULL;
	}
	dlg->answered |= bit;
	if(!s->current->answered)
		s->current = dlg;
	if(!pass->out || s->current == dlg)
		pass->out = ans->socket;
	return dlg;
}

/* Take a dialog out of the list; the first one, which the record contains, is
 * replaced by the next, which there is when another one was answered. */
static void unlink_dialog(struct irl_session *s, struct irl_dialog *dlg)
{
	struct irl_dialog **at = &s->first.next, *next = s->first.next;

	if(dlg == &s->first) {
		if(s->current == next)
			s->current = &s->first;
		s->first = *next;
		irl_mem.release(next);
		return;
	}
	while(*at != dlg)
		at = &(*at)->next;
	*at = dlg->next;
	irl_mem.release(dlg);
}

struct irl_session *irl_session_split(
		struct irl_session *s, struct irl_dialog *dlg)
{
	struct irl_session *other;
	struct irl_block text;

	if(irl_block_copy(&text, &s->text) != 0)
		return NULL;
	other = irl_mem.alloc(sizeof(*other));
	if(!other) {
		irl_block_free(&text);
		return NULL;
	}
	*other = *s;
	other->text = text;
	other->first = *dlg;
	other->first.next = NULL;
	other->current = &other->first;
	other->next = NULL;
	other->release = NULL;
	other->hosted = 0;
	other->changed = other->kept = 0;
	memset(other->link, 0, sizeof(other->link));
	other->state = IRL_ANSWERED;
	unlink_dialog(s, dlg);
	return other;
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

int irl_session_routes(const struct irl_session *s,
		const struct irl_dialog *dlg, str routes[IRL_ROUTES_MAX])
{
	str packed = irl_text_get(&s->text, dlg->routes);

	return irl_routes_unpack(&packed, routes);
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
