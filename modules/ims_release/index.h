/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file index.h  Sessions by user, charging id and contact
 *
 * Hash tables whose links are part of the records. Each bucket has a lock, and
 * that lock is taken with the slot of the session locked (store.h), or with
 * nothing: it is the last in the order. It guards the links; the value they
 * stand for is read under the slot's lock by who finds the session.
 */
#ifndef IRL_INDEX_H
#define IRL_INDEX_H

#include "core_session.h"

/** @param buckets a power of two. @return 0 or ENOMEM */
int irl_index_init(int buckets);
void irl_index_destroy(void);

/** What an update looks at: a bit for each kind. */
#define IRL_INDEX_IMPU (1u << IRL_BY_IMPU | 1u << IRL_BY_CALLED_IMPU)
#define IRL_INDEX_CONTACTS \
	(1u << IRL_BY_CALLER_CONTACT | 1u << IRL_BY_CALLEE_CONTACT)
#define IRL_INDEX_ALL ((1u << IRL_INDEXES) - 1)

/** Have the index follow the record: after it was put into the store, and
 * after a change of its user or its targets. Slot locked.
 *
 * @param kinds what may have changed */
void irl_index_update(struct irl_session *s, unsigned int kinds);

/** Take the record out of the index, before it is freed. Slot locked. */
void irl_index_remove(struct irl_session *s);

/** Takes an id down, with the bucket locked. @return not 0 to stop */
typedef int (*irl_index_found_f)(uint64_t id, void *param);

/**
 * Find the sessions that may have a value: all that have, and, rarely, one
 * that has another of the same hash.
 *
 * @return what the last call of `found` returned, 0 when there was none
 */
int irl_index_find(enum irl_index_kind kind, const str *value,
		irl_index_found_f found, void *param);

#endif
