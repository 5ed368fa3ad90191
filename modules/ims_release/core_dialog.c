/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dialogs of a session: early ones, answered ones, and room for both. */
#include "core_session.h"

#include <errno.h>
#include <string.h>

#include "core_cseq.h"
#include "core_route_set.h"

/* Texts of a session, and of each of its dialogs. */
#define SESSION_TEXTS 13
#define DIALOG_TEXTS 5

void irl_dialog_init(struct irl_dialog *dlg, const struct irl_session *s)
{
	memset(dlg, 0, sizeof(*dlg));
	dlg->leg[IRL_CALLER].cseq = irl_cseq_stored(s->invite_cseq);
	dlg->leg[IRL_CALLER].refreshed = dlg->leg[IRL_CALLER].cseq;
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

static int count_dialogs(const struct irl_session *s)
{
	const struct irl_dialog *dlg;
	int n = 0;

	for(dlg = &s->first; dlg; dlg = dlg->next)
		n++;
	return n;
}

/* @return 0, EMFILE, ENOMEM or EOVERFLOW */
static int add_dialog(
		struct irl_session *s, const str *tag, struct irl_dialog **added)
{
	struct irl_dialog *dlg = &s->first;
	int err;

	if(dlg->tag.len) {
		if(count_dialogs(s) >= IRL_DIALOGS_MAX)
			return EMFILE;
		dlg = irl_mem.alloc(sizeof(*dlg));
		if(!dlg)
			return ENOMEM;
		irl_dialog_init(dlg, s);
	}
	err = irl_text_set(&s->text, &dlg->tag, tag);
	if(dlg != &s->first) {
		if(err) {
			irl_mem.release(dlg);
			return err;
		}
		dlg->next = s->first.next;
		s->first.next = dlg;
	}
	*added = dlg;
	return err;
}

/* The dialog that a response of this tag belongs to; NULL on an error. */
static int respond(struct irl_session *s, const str *tag, int pass,
		struct irl_dialog **found)
{
	struct irl_dialog *dlg = irl_session_dialog(s, tag);
	int err = 0;

	if(!dlg)
		err = add_dialog(s, tag, &dlg);
	if(!err && pass >= 0 && pass < IRL_PASSES_MAX)
		dlg->passes |= (uint16_t)(1u << pass);
	*found = err ? NULL : dlg;
	return err;
}

struct irl_dialog *irl_session_early(
		struct irl_session *s, const str *tag, int pass)
{
	struct irl_dialog *dlg;

	respond(s, tag, pass, &dlg);
	return dlg;
}

/* Take a dialog out of the list. The first one, which the record contains, is
 * replaced by the next; the only one begins anew. */
static void unlink_dialog(struct irl_session *s, struct irl_dialog *dlg)
{
	struct irl_dialog **at = &s->first.next, *next = s->first.next;

	if(s->current == dlg || (dlg == &s->first && s->current == next))
		s->current = &s->first;
	if(dlg != &s->first) {
		while(*at != dlg)
			at = &(*at)->next;
		*at = dlg->next;
		irl_mem.release(dlg);
	} else if(next) {
		s->first = *next;
		irl_mem.release(next);
	} else
		irl_dialog_init(&s->first, s);
}

/* No other tag than this one has been answered: nobody will need them. */
static void drop_early(struct irl_session *s, const str *tag)
{
	struct irl_dialog *kept = irl_session_dialog(s, tag), *dlg, *next;

	for(dlg = s->first.next; dlg; dlg = next) {
		next = dlg->next;
		if(!dlg->answered && dlg != kept)
			unlink_dialog(s, dlg);
	}
	if(!s->first.answered && kept != &s->first)
		unlink_dialog(s, &s->first);
}

static int compact(struct irl_session *s)
{
	struct irl_text *texts[SESSION_TEXTS + DIALOG_TEXTS * IRL_DIALOGS_MAX] = {
			&s->callid, &s->from, &s->from_tag, &s->to, &s->contact, &s->impu,
			&s->called_impu, &s->icid, &s->bound[IRL_CALLER],
			&s->bound[IRL_CALLEE], &s->owner, &s->resume_text,
			&s->resume_others};
	struct irl_dialog *dlg;
	int n = SESSION_TEXTS;

	for(dlg = &s->first; dlg; dlg = dlg->next) {
		texts[n++] = &dlg->tag;
		texts[n++] = &dlg->to;
		texts[n++] = &dlg->routes;
		texts[n++] = &dlg->leg[IRL_CALLER].target;
		texts[n++] = &dlg->leg[IRL_CALLEE].target;
	}
	return irl_block_compact(&s->text, texts, n);
}

int irl_session_routes(const struct irl_session *s,
		const struct irl_dialog *dlg, str routes[IRL_ROUTES_MAX])
{
	str packed = irl_text_get(&s->text, dlg->routes);

	return irl_routes_unpack(&packed, routes);
}

static int pack_routes(struct irl_session *s, struct irl_dialog *dlg,
		const str *list, int n, int store)
{
	char packed[IRL_ROUTES_BYTES];
	str routes = {packed, 0};

	if(irl_routes_pack(list, n, packed, sizeof(packed), &routes.len))
		return E2BIG;
	if(!store)
		return irl_text_reserve(&s->text, &dlg->routes, routes.len);
	dlg->nroutes = (uint8_t)n;
	return irl_text_set(&s->text, &dlg->routes, &routes);
}

/* One that cannot be read, or stored, is that of the INVITE: they differ by the
 * tag alone (RFC 3261 8.2.6.2). */
static void store_to(
		struct irl_session *s, struct irl_dialog *dlg, const str *to)
{
	if(to->len && irl_text_set(&s->text, &dlg->to, to) == 0)
		return;
	if(!s->to.len || irl_text_reserve(&s->text, &dlg->to, s->to.len))
		return;
	memcpy(s->text.s + dlg->to.off, s->text.s + s->to.off, s->to.len);
	dlg->to.len = s->to.len;
}

/* All or nothing. @return 0, E2BIG, ENOMEM or EOVERFLOW */
static int store_answer(struct irl_session *s, struct irl_dialog *dlg,
		const struct irl_answer *ans)
{
	struct irl_text *target = &dlg->leg[IRL_CALLEE].target;
	int err = pack_routes(s, dlg, ans->routes, ans->nroutes, 0);

	if(!err)
		err = irl_text_reserve(&s->text, &dlg->to, ans->to.len);
	if(!err)
		err = irl_text_reserve(&s->text, target, ans->contact.len);
	if(err)
		return err;
	/* with the room there, none of these fails */
	pack_routes(s, dlg, ans->routes, ans->nroutes, 1);
	store_to(s, dlg, &ans->to);
	irl_text_set(&s->text, target, &ans->contact);
	dlg->lost = 0;
	return 0;
}

/* What the BYE to the caller needs, as far as there is room. */
static void store_for_caller(struct irl_session *s, struct irl_dialog *dlg,
		const struct irl_answer *ans)
{
	int n = ans->nroutes < IRL_ROUTES_MAX ? ans->nroutes : IRL_ROUTES_MAX;

	while(n > 0 && pack_routes(s, dlg, ans->routes, n, 0))
		n--;
	pack_routes(s, dlg, ans->routes, n, 1);
	store_to(s, dlg, &ans->to);
	dlg->lost = 1;
}

/* The 2xx gives the dialog, and gives it anew at the entry pass. */
static int gives_dialog(const struct irl_session *s,
		const struct irl_dialog *dlg, const struct irl_pass *pass)
{
	return !dlg->answered
		   || (pass == irl_session_entry(s, dlg, NULL) && !dlg->moved);
}

/* @return 0, or why not all of it is stored: NULL or a dialog without it */
static int take_answer(struct irl_session *s, const struct irl_answer *ans,
		struct irl_dialog **dlg)
{
	int err = respond(s, &ans->tag, ans->pass, dlg);

	if(err || ((*dlg)->answered >> ans->pass & 1)
			|| !gives_dialog(s, *dlg, &s->pass[ans->pass]))
		return err;
	return ans->cut ? E2BIG : store_answer(s, *dlg, ans);
}

struct irl_dialog *irl_session_answer(
		struct irl_session *s, const struct irl_answer *ans, int *error)
{
	struct irl_pass *pass = &s->pass[ans->pass];
	struct irl_dialog *dlg = NULL;

	*error = ans->tag.len ? take_answer(s, ans, &dlg) : EINVAL;
	if(*error && *error != E2BIG && *error != EINVAL) {
		drop_early(s, &ans->tag);
		if(compact(s) == 0)
			*error = take_answer(s, ans, &dlg);
		else
			dlg = irl_session_dialog(s, &ans->tag);
	}
	if(!dlg || (dlg->answered >> ans->pass & 1))
		return dlg;
	if(*error && !dlg->answered)
		store_for_caller(s, dlg, ans);
	/* an answer is of a pass: NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift) */
	dlg->answered |= (uint16_t)(1u << ans->pass);
	if(!s->current->answered)
		s->current = dlg;
	if(!pass->out || s->current == dlg)
		pass->out = ans->socket;
	return dlg;
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
	other->expires = 0;
	other->changed = other->kept = 0;
	/* another user agent, or another user altogether */
	other->bound[IRL_CALLEE].len = 0;
	memset(&other->watch[IRL_CALLEE], 0, sizeof(other->watch[0]));
	memset(other->link, 0, sizeof(other->link));
	other->state = IRL_ANSWERED;
	unlink_dialog(s, dlg);
	return other;
}
