/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event_route.h"
#include "store.h"

static const char *const names[] = {
		"callid", "id", "impu", "contact", "icid", "state", "served", "all"};
#define NAMES ((int)(sizeof(names) / sizeof(names[0])))

static int is_word(const str *s, const char *word)
{
	return (int)strlen(word) == s->len
		   && memcmp(s->s, word, (size_t)s->len) == 0;
}

const char *irl_selector_name(enum irl_selector_kind kind)
{
	return names[kind];
}

static int is_state(const str *value)
{
	int i;

	for(i = 0; i < IRL_STATES; i++) {
		if(is_word(value, irl_state_name((enum irl_state)i)))
			return 1;
	}
	return 0;
}

static const char *check_value(struct irl_selector *sel)
{
	int i;

	if(sel->value.len <= 0)
		return "value is empty";
	switch(sel->kind) {
		case IRL_SEL_ID:
			return irl_id_parse(&sel->value, &sel->id) ? "id is not SLOT:NUMBER"
													   : NULL;
		case IRL_SEL_STATE:
			return is_state(&sel->value) ? NULL
										 : "state is none of early, answered, "
										   "confirmed, releasing, released";
		case IRL_SEL_SERVED:
			for(i = IRL_ORIG; i <= IRL_BOTH; i++) {
				if(is_word(&sel->value, irl_side_name((enum irl_side)i))) {
					sel->side = (enum irl_side)i;
					return NULL;
				}
			}
			return "served is none of orig, term, both";
		case IRL_SEL_ALL:
			return is_word(&sel->value, "*") ? NULL
											 : "the value of all is not *";
		default:
			return NULL;
	}
}

int irl_selector_parse(const str *name, const str *value,
		struct irl_selector *sel, const char **error)
{
	int i;

	memset(sel, 0, sizeof(*sel));
	for(i = 0; i < NAMES && !is_word(name, names[i]); i++)
		;
	if(i == NAMES) {
		*error = "selector is none of " IRL_SELECTORS;
		return EINVAL;
	}
	sel->kind = (enum irl_selector_kind)i;
	sel->value = *value;
	*error = check_value(sel);
	return *error ? EINVAL : 0;
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

/* Slot of the session locked. */
static int matches(const struct irl_session *s, const struct irl_selector *sel)
{
	enum irl_state state = (enum irl_state)s->state;

	if(sel->kind == IRL_SEL_STATE)
		return is_word(&sel->value, irl_state_name(state));
	if(state >= IRL_RELEASED)
		return 0;
	switch(sel->kind) {
		case IRL_SEL_CALLID:
			return text_is(s, s->callid, &sel->value);
		case IRL_SEL_ID:
			return s->id == sel->id;
		case IRL_SEL_IMPU:
			return text_is(s, s->impu, &sel->value);
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

struct ids
{
	uint64_t *id;
	size_t count, size;
};

/* Not under a lock. */
static int ids_reserve(struct ids *ids, size_t more)
{
	size_t size = ids->size ? ids->size : 256;
	uint64_t *id;

	if(ids->count + more <= ids->size)
		return 0;
	while(size < ids->count + more)
		size *= 2;
	id = realloc(ids->id, size * sizeof(*id));
	if(!id)
		return -1;
	ids->id = id;
	ids->size = size;
	return 0;
}

/* Add what matches of one slot; what does not fit makes another round. */
static int scan_slot(int slot, const struct irl_selector *sel, struct ids *ids)
{
	struct irl_session *s;
	size_t start = ids->count, missing;
	uint32_t hash;

	do {
		ids->count = start;
		missing = 0;
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next) {
			if(!matches(s, sel))
				continue;
			if(ids->count < ids->size)
				ids->id[ids->count++] = s->id;
			else
				missing++;
		}
		irl_store_unlock(hash);
		if(missing && ids_reserve(ids, missing + 16) < 0)
			return -1;
	} while(missing);
	return 0;
}

long irl_selector_ids(const struct irl_selector *sel, uint64_t **out)
{
	struct ids ids = {NULL, 0, 0};
	int slot = 0, last = irl_store_slots() - 1;

	if(sel->kind == IRL_SEL_CALLID)
		slot = last = irl_store_slot(&sel->value);
	else if(sel->kind == IRL_SEL_ID) {
		slot = (int)irl_id_slot(sel->id);
		if(slot < last)
			last = slot;
	}
	for(; slot <= last; slot++) {
		if(scan_slot(slot, sel, &ids) < 0) {
			free(ids.id);
			return -1;
		}
	}
	*out = ids.id;
	return (long)ids.count;
}
