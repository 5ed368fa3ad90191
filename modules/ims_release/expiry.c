/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "expiry.h"

#include <errno.h>
#include <string.h>

#include "core/mem/shm_mem.h"

#include "core_expires.h"
#include "params.h"
#include "store.h"

#define NEVER UINT32_MAX

/* The copy of another node's session has no timer of its own: its owner tells.
 * Once it is ours, it is found within so many seconds. */
#define COPY_SECONDS 60

static uint32_t *due;

int irl_expiry_init(int slots)
{
	size_t size = (size_t)slots * sizeof(*due);

	due = shm_malloc(size);
	if(!due)
		return ENOMEM;
	memset(due, 0xff, size);
	return 0;
}

void irl_expiry_destroy(void)
{
	if(due)
		shm_free(due);
	due = NULL;
}

void irl_expiry_set(struct irl_session *s, uint32_t at)
{
	uint32_t *slot = &due[irl_id_slot(s->id)];

	s->expires = at;
	if(at && at < *slot)
		*slot = at;
}

void irl_expiry_start(struct irl_session *s, uint32_t lifetime, uint32_t now)
{
	uint32_t least = (uint32_t)irl_params.session_timer_min;

	if(lifetime && lifetime < least)
		lifetime = least;
	irl_expiry_set(s, irl_expires_at(lifetime, now));
}

/* Take those whose timer has ended; slot locked. @return when to look again */
static uint32_t take(const struct irl_session *s, uint32_t now, uint64_t *ids,
		int size, int *n)
{
	uint32_t next = NEVER, at;

	for(; s; s = s->next) {
		if(!s->expires || !irl_state_live((enum irl_state)s->state))
			continue;
		at = s->expires;
		if(at <= now && s->owner.len)
			at = now + COPY_SECONDS;
		else if(at <= now && *n < size)
			ids[(*n)++] = s->id;
		if(at < next)
			next = at;
	}
	return next;
}

int irl_expiry_take(uint32_t now, uint64_t *ids, int size)
{
	struct irl_session *first;
	uint32_t hash;
	int slot, n = 0;

	for(slot = 0; slot < irl_store_slots() && n < size; slot++) {
		/* what is set meanwhile is seen the next time */
		if(*(volatile uint32_t *)&due[slot] > now)
			continue;
		hash = irl_store_lock_slot(slot, &first);
		due[slot] = take(first, now, ids, size, &n);
		irl_store_unlock(hash);
	}
	return n;
}
