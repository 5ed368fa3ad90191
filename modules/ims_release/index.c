/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/hashes.h"
#include "core/locking.h"
#include "core/mem/shm_mem.h"

struct bucket
{
	gen_lock_t lock;
	struct irl_index_link *first;
};

struct index
{
	uint32_t mask;
	struct bucket bucket[];
};

static struct index *index_;

int irl_index_init(int buckets)
{
	size_t size = sizeof(*index_) + (size_t)buckets * sizeof(index_->bucket[0]);
	int i;

	index_ = shm_malloc(size);
	if(!index_)
		return ENOMEM;
	memset(index_, 0, size);
	index_->mask = (uint32_t)buckets - 1;
	for(i = 0; i < buckets; i++) {
		if(!lock_init(&index_->bucket[i].lock))
			return ENOMEM;
	}
	return 0;
}

void irl_index_destroy(void)
{
	if(index_)
		shm_free(index_);
	index_ = NULL;
}

/* All kinds share the buckets: the kind is part of the hash, its lowest bits. */
#define KINDS 8u
_Static_assert(IRL_INDEXES <= KINDS, "each kind has a number of its own");

static uint32_t hash_of(enum irl_index_kind kind, const str *value)
{
	return get_hash1_raw(value->s, value->len) * KINDS + (uint32_t)kind;
}

/* Whose link it is; its bucket locked. */
static const struct irl_session *session_of(const struct irl_index_link *link)
{
	return (const void *)((const char *)(link - link->hash % KINDS)
						  - offsetof(struct irl_session, link));
}

static struct bucket *bucket_of(uint32_t hash)
{
	return &index_->bucket[(hash ^ hash >> 16) & index_->mask];
}

static void unlink_from(struct irl_index_link *link)
{
	struct bucket *b;

	if(!link->at)
		return;
	b = bucket_of(link->hash);
	lock_get(&b->lock);
	*link->at = link->next;
	if(link->next)
		link->next->at = link->at;
	lock_release(&b->lock);
	link->at = NULL;
}

static void link_to(struct irl_index_link *link, uint32_t hash)
{
	struct bucket *b = bucket_of(hash);

	link->hash = hash;
	lock_get(&b->lock);
	link->next = b->first;
	link->at = &b->first;
	if(b->first)
		b->first->at = &link->next;
	b->first = link;
	lock_release(&b->lock);
}

static str value_of(const struct irl_session *s, enum irl_index_kind kind)
{
	switch(kind) {
		case IRL_BY_IMPU:
			return irl_text_get(&s->text, s->impu);
		case IRL_BY_CALLED_IMPU:
			return irl_text_get(&s->text, s->called_impu);
		case IRL_BY_ICID:
			return irl_text_get(&s->text, s->icid);
		case IRL_BY_CALLER_CONTACT:
			return irl_session_target(s, s->current, IRL_CALLER);
		default:
			return irl_session_target(s, s->current, IRL_CALLEE);
	}
}

void irl_index_update(struct irl_session *s, unsigned int kinds)
{
	struct irl_index_link *link;
	uint32_t hash;
	str value;
	int i;

	for(i = 0; i < IRL_INDEXES; i++) {
		if(!(kinds & 1u << i))
			continue;
		link = &s->link[i];
		value = value_of(s, (enum irl_index_kind)i);
		hash = hash_of((enum irl_index_kind)i, &value);
		if(link->at && link->hash == hash && value.len)
			continue;
		unlink_from(link);
		if(value.len)
			link_to(link, hash);
	}
}

void irl_index_remove(struct irl_session *s)
{
	int i;

	for(i = 0; i < IRL_INDEXES; i++)
		unlink_from(&s->link[i]);
}

int irl_index_find(enum irl_index_kind kind, const str *value,
		irl_index_found_f found, void *param)
{
	uint32_t hash = hash_of(kind, value);
	struct bucket *b = bucket_of(hash);
	struct irl_index_link *link;
	int ret = 0;

	lock_get(&b->lock);
	for(link = b->first; link && !ret; link = link->next) {
		if(link->hash == hash)
			ret = found(session_of(link)->id, param);
	}
	lock_release(&b->lock);
	return ret;
}
