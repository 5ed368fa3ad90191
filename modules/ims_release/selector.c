/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selector.h"

#include <stdlib.h>

#include "event_route.h"
#include "index.h"
#include "store.h"

static const char *const names[] = {"callid", "id", "impu", "contact", "icid",
		"state", "served", "all", "registration"};

const char *irl_selector_name(enum irl_selector_kind kind)
{
	return names[kind];
}

static int text_is(
		const struct irl_session *s, struct irl_text t, const str *value)
{
	str have = irl_text_get(&s->text, t);

	return irl_str_eq(&have, value);
}

static int target_is(
		const struct irl_session *s, enum irl_leg_id leg, const str *value)
{
	str have = irl_session_target(s, s->current, leg);

	return irl_str_eq(&have, value);
}

/* The calling user's, or the one user's; the called user's beside it. */
static int user_is(
		const struct irl_session *s, enum irl_index_kind kind, const str *value)
{
	if(kind == IRL_BY_IMPU)
		return text_is(s, s->impu, value);
	return irl_session_served(s) == IRL_BOTH
		   && text_is(s, s->called_impu, value);
}

/* Slot of the session locked. */
static int matches(const struct irl_session *s, const struct irl_selector *sel)
{
	enum irl_state state = (enum irl_state)s->state;

	if(s->owner.len && !sel->replicas)
		return 0;
	if(sel->kind == IRL_SEL_STATE)
		return irl_str_is(&sel->value, irl_state_name(state));
	if(state >= IRL_RELEASED)
		return 0;
	switch(sel->kind) {
		case IRL_SEL_CALLID:
			return text_is(s, s->callid, &sel->value);
		case IRL_SEL_ID:
			return s->id == sel->id;
		case IRL_SEL_IMPU:
			return user_is(s, IRL_BY_IMPU, &sel->value)
				   || user_is(s, IRL_BY_CALLED_IMPU, &sel->value);
		case IRL_SEL_ICID:
			return text_is(s, s->icid, &sel->value);
		case IRL_SEL_CONTACT:
			return target_is(s, IRL_CALLER, &sel->value)
				   || target_is(s, IRL_CALLEE, &sel->value);
		case IRL_SEL_SERVED:
			return irl_session_served(s) == sel->side;
		default:
			return 1;
	}
}

/* Ids found. Under a lock only what there is room for is taken down, the rest
 * is counted, and makes another round with more room. */
struct ids
{
	uint64_t *id;
	size_t count, size, missing;
};

static int take_down(uint64_t id, void *param)
{
	struct ids *ids = param;

	if(ids->count < ids->size)
		ids->id[ids->count++] = id;
	else
		ids->missing++;
	return 0;
}

/* Ready for another round from `start` on? @return 1, 0 when all is taken
 * down, -1 out of memory */
static int once_more(struct ids *ids, size_t start)
{
	size_t size = ids->size ? ids->size : 256;
	uint64_t *id;

	if(!ids->missing)
		return 0;
	while(size < ids->count + ids->missing + 16)
		size *= 2;
	id = realloc(ids->id, size * sizeof(*id));
	if(!id)
		return -1;
	ids->id = id;
	ids->size = size;
	ids->count = start;
	ids->missing = 0;
	return 1;
}

/* One round; `at` is where: a slot, or a kind of index. */
typedef void (*round_f)(
		int at, const struct irl_selector *sel, struct ids *ids);

/* @return 0, -1 out of memory */
static int in_rounds(
		round_f round, int at, const struct irl_selector *sel, struct ids *ids)
{
	size_t start = ids->count;
	int again;

	do {
		round(at, sel, ids);
		again = once_more(ids, start);
	} while(again > 0);
	return again;
}

static void look_in_slot(
		int slot, const struct irl_selector *sel, struct ids *ids)
{
	struct irl_session *s;
	uint32_t hash = irl_store_lock_slot(slot, &s);

	for(; s; s = s->next) {
		if(matches(s, sel))
			take_down(s->id, ids);
	}
	irl_store_unlock(hash);
}

/* Of the others in their slot no more than the hash is looked at: each is a page
 * that this process may not have mapped yet. */
static void look_for_callid(
		int at, const struct irl_selector *sel, struct ids *ids)
{
	uint32_t hash = irl_store_lock(&sel->value);
	struct irl_session *s = NULL;

	(void)at;
	while((s = irl_store_next(hash, &sel->value, s))) {
		if(matches(s, sel))
			take_down(s->id, ids);
	}
	irl_store_unlock(hash);
}

static void look_in_index(
		int kind, const struct irl_selector *sel, struct ids *ids)
{
	irl_index_find((enum irl_index_kind)kind, &sel->value, take_down, ids);
}

/* A session that was found by what it has of its caller is not found again by
 * what it has of its callee. */
static int is_found_twice(const struct irl_session *s,
		const struct irl_selector *sel, enum irl_index_kind kind)
{
	if(kind == IRL_BY_CALLED_IMPU)
		return user_is(s, IRL_BY_IMPU, &sel->value);
	return kind == IRL_BY_CALLEE_CONTACT
		   && target_is(s, IRL_CALLER, &sel->value);
}

/* Of what the index gave from `start` on, keep what matches. */
static void keep_matching(struct ids *ids, size_t start,
		const struct irl_selector *sel, enum irl_index_kind kind)
{
	struct irl_session *s;
	size_t i, n = start;

	for(i = start; i < ids->count; i++) {
		s = irl_store_get(ids->id[i]);
		if(!s)
			continue;
		if(matches(s, sel) && !is_found_twice(s, sel, kind))
			ids->id[n++] = s->id;
		irl_store_unlock(s->hash);
	}
	ids->count = n;
}

static int scan_index(enum irl_index_kind kind, const struct irl_selector *sel,
		struct ids *ids)
{
	size_t start = ids->count;

	if(in_rounds(look_in_index, (int)kind, sel, ids) < 0)
		return -1;
	keep_matching(ids, start, sel, kind);
	return 0;
}

static int scan_all(const struct irl_selector *sel, struct ids *ids)
{
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		if(in_rounds(look_in_slot, slot, sel, ids) < 0)
			return -1;
	}
	return 0;
}

static int scan(const struct irl_selector *sel, struct ids *ids)
{
	switch(sel->kind) {
		case IRL_SEL_CALLID:
			return in_rounds(look_for_callid, 0, sel, ids);
		case IRL_SEL_ID:
			if(irl_id_slot(sel->id) >= (uint64_t)irl_store_slots())
				return 0;
			return in_rounds(look_in_slot, (int)irl_id_slot(sel->id), sel, ids);
		case IRL_SEL_IMPU:
			if(scan_index(IRL_BY_IMPU, sel, ids) < 0)
				return -1;
			return scan_index(IRL_BY_CALLED_IMPU, sel, ids);
		case IRL_SEL_ICID:
			return scan_index(IRL_BY_ICID, sel, ids);
		case IRL_SEL_CONTACT:
			if(scan_index(IRL_BY_CALLER_CONTACT, sel, ids) < 0)
				return -1;
			return scan_index(IRL_BY_CALLEE_CONTACT, sel, ids);
		default:
			return scan_all(sel, ids);
	}
}

long irl_selector_ids(const struct irl_selector *sel, uint64_t **out)
{
	struct ids ids = {NULL, 0, 0, 0};

	if(scan(sel, &ids) < 0) {
		free(ids.id);
		return -1;
	}
	*out = ids.id;
	return (long)ids.count;
}
