/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/atomic_ops.h"
#include "core/hashes.h"
#include "core/locking.h"
#include "core/mem/shm_mem.h"

#include "expiry.h"
#include "index.h"

#define NUMBER_BITS 40
#define NUMBER_MASK ((1ULL << NUMBER_BITS) - 1)

struct slot
{
	gen_lock_t lock;
	struct irl_session *first;
	struct irl_session *gone; /* ended, not yet so for all who have a copy */
	uint64_t number;		  /* of the last session put in */
	int changed;			  /* look at it: read without the lock */
};

struct table
{
	atomic_t sessions;
	atomic_t releasing;
	atomic_t cancelled;
	atomic_t changes;
	int max_sessions;
	int followers;
	uint32_t mask;
	struct slot slot[];
};

static struct table *table;
static int changed_here;

static void *shm_alloc(size_t size)
{
	return shm_malloc(size);
}

static void shm_release(void *p)
{
	shm_free(p);
}

int irl_store_init(int slots, int max_sessions)
{
	size_t size = sizeof(*table) + (size_t)slots * sizeof(table->slot[0]);
	int i;

	irl_mem.alloc = shm_alloc;
	irl_mem.release = shm_release;
	table = shm_malloc(size);
	if(!table)
		return ENOMEM;
	memset(table, 0, size);
	table->max_sessions = max_sessions;
	table->mask = (uint32_t)slots - 1;
	for(i = 0; i < slots; i++) {
		if(!lock_init(&table->slot[i].lock)) {
			shm_free(table);
			table = NULL;
			return ENOMEM;
		}
	}
	return 0;
}

/* A process ends where it stands, in the middle of the memory manager perhaps:
 * what is freed after that may hang or crash. All of it goes with Kamailio. */
void irl_store_destroy(void)
{
	table = NULL;
}

static struct slot *slot_of(uint32_t hash)
{
	return &table->slot[hash & table->mask];
}

uint32_t irl_store_lock(const str *callid)
{
	uint32_t hash = get_hash1_raw(callid->s, callid->len);

	lock_get(&slot_of(hash)->lock);
	return hash;
}

void irl_store_unlock(uint32_t hash)
{
	lock_release(&slot_of(hash)->lock);
}

struct irl_session *irl_store_next(
		uint32_t hash, const str *callid, struct irl_session *after)
{
	struct irl_session *s = after ? after->next : slot_of(hash)->first;
	str have;

	for(; s; s = s->next) {
		if(s->hash != hash)
			continue;
		have = irl_text_get(&s->text, s->callid);
		if(irl_str_eq(&have, callid))
			return s;
	}
	return NULL;
}

struct irl_session *irl_store_get(uint64_t id)
{
	uint64_t slot = id >> NUMBER_BITS;
	struct irl_session *s;

	/* at the end of all, a dialog module still frees its records */
	if(!table || slot > table->mask)
		return NULL;
	lock_get(&table->slot[slot].lock);
	for(s = table->slot[slot].first; s; s = s->next) {
		if(s->id == id)
			return s;
	}
	lock_release(&table->slot[slot].lock);
	return NULL;
}

int irl_store_insert(uint32_t hash, struct irl_session *s)
{
	struct slot *slot = slot_of(hash);

	if(table->max_sessions
			&& atomic_get(&table->sessions) >= table->max_sessions)
		return ENOSPC;
	slot->number = (slot->number + 1) & NUMBER_MASK;
	s->hash = hash;
	s->id = (uint64_t)(hash & table->mask) << NUMBER_BITS | slot->number;
	s->next = slot->first;
	slot->first = s;
	atomic_inc(&table->sessions);
	irl_expiry_set(s, s->expires);
	return 0;
}

/* ---- changes ------------------------------------------------------------------ */

void irl_store_follow(enum irl_follower follower)
{
	table->followers |= (int)follower;
}

static void slot_changed(struct slot *slot)
{
	if(slot->changed)
		return;
	slot->changed = 1;
	atomic_inc(&table->changes);
}

void irl_store_mark(struct irl_session *s, int followers)
{
	s->changed |= (uint8_t)followers;
	slot_changed(slot_of(s->hash));
}

void irl_store_changed(struct irl_session *s)
{
	if(!table->followers || s->state == IRL_EARLY)
		return;
	irl_store_mark(s, table->followers);
	changed_here = 1;
}

void irl_store_own(struct irl_session *s, uint32_t now)
{
	if(!s->owner.len)
		return;
	s->owner.len = 0;
	s->taken = now > s->taken ? now : s->taken + 1;
	s->version = 0;
	/* others are told of its end, even when it comes before they are told that
	 * it is ours */
	s->kept |= IRL_NODES;
	irl_store_changed(s);
}

int irl_store_changed_here(void)
{
	int changed = changed_here;

	changed_here = 0;
	return changed;
}

void irl_store_unlock_all(void)
{
	uint32_t i;

	for(i = 0; i <= table->mask; i++)
		lock_init(&table->slot[i].lock);
}

void irl_store_all_changed(enum irl_follower follower)
{
	struct irl_session *s;
	struct slot *slot;
	uint32_t i;

	for(i = 0; i <= table->mask; i++) {
		slot = &table->slot[i];
		lock_get(&slot->lock);
		for(s = slot->first; s; s = s->next)
			s->changed |= (uint8_t)follower;
		slot_changed(slot);
		lock_release(&slot->lock);
	}
}

int irl_store_has_changes(void)
{
	if(!atomic_get(&table->changes))
		return 0;
	atomic_set(&table->changes, 0);
	return 1;
}

/* Those who have a copy are told before the record is freed. */
static void leave_gone(struct irl_session *s)
{
	struct slot *slot = slot_of(s->hash);

	s->next = slot->gone;
	slot->gone = s;
	slot_changed(slot);
}

void irl_store_changes(int number, irl_store_change_f f, void *param)
{
	struct slot *slot = &table->slot[number];
	struct irl_session *s, *gone, *next;

	if(!slot->changed)
		return;
	lock_get(&slot->lock);
	slot->changed = 0;
	gone = slot->gone;
	slot->gone = NULL;
	for(s = slot->first; s; s = s->next) {
		if(!s->changed)
			continue;
		s->changed &= (uint8_t)~f(s, s->changed, 0, param);
		if(s->changed)
			slot_changed(slot);
	}
	lock_release(&slot->lock);
	for(; gone; gone = next) {
		next = gone->next;
		f(gone, gone->kept, 1, param);
		irl_session_free(gone);
	}
}

/* ---- end ------------------------------------------------------------------------ */

void irl_store_erase(struct irl_session *s)
{
	struct irl_session **at = &slot_of(s->hash)->first;

	while(*at != s)
		at = &(*at)->next;
	*at = s->next;
	irl_store_state_changed((enum irl_state)s->state, IRL_GONE);
	irl_index_remove(s);
	if(s->cancelled)
		atomic_dec(&table->cancelled);
	if(s->kept)
		leave_gone(s);
	else
		irl_session_free(s);
}

uint32_t irl_store_lock_slot(int slot, struct irl_session **first)
{
	lock_get(&table->slot[slot].lock);
	*first = table->slot[slot].first;
	return (uint32_t)slot;
}

int irl_store_slots(void)
{
	return (int)table->mask + 1;
}

long irl_store_count(void)
{
	return table ? atomic_get(&table->sessions) : 0;
}

long irl_store_releasing(void)
{
	return table ? atomic_get(&table->releasing) : 0;
}

int irl_store_cancelled(void)
{
	return atomic_get(&table->cancelled);
}

void irl_store_set_cancelled(struct irl_session *s)
{
	if(!s->cancelled)
		atomic_inc(&table->cancelled);
	s->cancelled = 1;
}

void irl_store_state_changed(enum irl_state from, enum irl_state to)
{
	if(irl_state_releasing(to) && !irl_state_releasing(from))
		atomic_inc(&table->releasing);
	if(irl_state_releasing(from) && !irl_state_releasing(to))
		atomic_dec(&table->releasing);
	if(from < IRL_RELEASED && to >= IRL_RELEASED)
		atomic_dec(&table->sessions);
}

uint64_t irl_id_slot(uint64_t id)
{
	return id >> NUMBER_BITS;
}

char *irl_id_print(uint64_t id, char buf[IRL_ID_SIZE])
{
	snprintf(buf, IRL_ID_SIZE, "%llu:%llu",
			(unsigned long long)(id >> NUMBER_BITS),
			(unsigned long long)(id & NUMBER_MASK));
	return buf;
}

int irl_id_parse(const str *text, uint64_t *id)
{
	char buf[IRL_ID_SIZE];
	unsigned long long slot, number;
	char *end;

	if(text->len <= 0 || text->len >= IRL_ID_SIZE
			|| (int)strspn(text->s, "0123456789:") < text->len)
		return EINVAL;
	memcpy(buf, text->s, (size_t)text->len);
	buf[text->len] = '\0';
	slot = strtoull(buf, &end, 10);
	if(end == buf || *end != ':' || slot >= IRL_SLOTS_MAX)
		return EINVAL;
	number = strtoull(end + 1, &end, 10);
	if(*end || end[-1] == ':' || number > NUMBER_MASK)
		return EINVAL;
	*id = (uint64_t)slot << NUMBER_BITS | number;
	return 0;
}
