/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file store.h  The session table in shared memory
 *
 * Slots by Call-ID, one lock each. All of a record is read and written under
 * its slot's lock, and with it held nothing is sent, and nothing of tm or of a
 * dialog module is called; the one lock taken after it is the index's. Dialog modules call us with
 * their own locks held, tm with that of its hash table.
 *
 * Outside the lock a session is known by its id, never by its address.
 */
#ifndef IRL_STORE_H
#define IRL_STORE_H

#include "core_session.h"

/** Slots at most: an id has 20 bits for the slot and 40 for the number in it,
 * and fits with 4 bits to spare into a pointer, as a parameter of callbacks. */
#define IRL_SLOTS_MAX (1 << 20)

/** Room for an id as text: "slot:number". */
#define IRL_ID_SIZE 24

/**
 * @param slots        a power of two, up to IRL_SLOTS_MAX
 * @param max_sessions 0: no bound
 * @return 0 or ENOMEM
 */
int irl_store_init(int slots, int max_sessions);
void irl_store_destroy(void);

/** Lock the slot of a Call-ID. @return its hash, for irl_store_unlock() */
uint32_t irl_store_lock(const str *callid);
void irl_store_unlock(uint32_t hash);

/**
 * The sessions of a Call-ID, one after the other; slot locked.
 *
 * @param after NULL for the first
 */
struct irl_session *irl_store_next(
		uint32_t hash, const str *callid, struct irl_session *after);

/** Lock the slot of an id. @return the session; NULL, and nothing locked, when
 * there is none. Ends with irl_store_unlock(s->hash). */
struct irl_session *irl_store_get(uint64_t id);

/**
 * Put a new record in; slot of `hash` locked.
 *
 * @return 0, or ENOSPC above max_sessions; then the caller keeps the record
 */
int irl_store_insert(uint32_t hash, struct irl_session *s);

/** Take a record out and free it; slot locked. */
void irl_store_erase(struct irl_session *s);

/** For the walk over all: the first session of a slot, slot locked.
 * @return hash to unlock with */
uint32_t irl_store_lock_slot(int slot, struct irl_session **first);
int irl_store_slots(void);

/** Sessions in the table that are not yet released. */
long irl_store_count(void);
/** Sessions with a release under way. */
long irl_store_releasing(void);

/** Sessions in the table whose INVITE was cancelled: late answers may come. */
int irl_store_cancelled(void);

/** The INVITE of a released session gets a final response of 300 or above, from
 * us or from others; slot locked. */
void irl_store_set_cancelled(struct irl_session *s);

/**
 * Those who keep a copy of the sessions elsewhere, a bit each: they learn of
 * each session once for all the changes since they last looked.
 */
enum irl_follower
{
	IRL_DATABASE = 1,
	IRL_NODES = 2
};

/** From mod_init: changes are noted for this follower too. */
void irl_store_follow(enum irl_follower follower);

/** Something of the record changed that a copy must have; slot locked. */
void irl_store_changed(struct irl_session *s);

/** As if it had, for these followers; slot locked. */
void irl_store_mark(struct irl_session *s, int followers);

/** A copy becomes this node's own, later than it became its owner's, `now` at
 * the earliest; slot locked. Nothing for what is our own. */
void irl_store_own(struct irl_session *s, uint32_t now);

/** This process has changed something since it last asked. */
int irl_store_changed_here(void);

/** The last process there is: locks of those that ended are nobody's. */
void irl_store_unlock_all(void);

/** All records have changed: a follower is to get them anew. */
void irl_store_all_changed(enum irl_follower follower);

/** Something has changed since the last call. */
int irl_store_has_changes(void);

/**
 * What a follower does with a session.
 *
 * @param s    its slot is locked; or it is gone, and freed after the call
 * @param gone it is
 * @return the followers that have taken notice: for the others it stays
 *         changed
 */
typedef int (*irl_store_change_f)(
		struct irl_session *s, int changed_for, int gone, void *param);

/** For the keeping process: go through what changed in a slot. */
void irl_store_changes(int number, irl_store_change_f f, void *param);

/** Have the counts follow a change of state; slot locked. */
void irl_store_state_changed(enum irl_state from, enum irl_state to);

/** The slot of an id (which may not exist). */
uint64_t irl_id_slot(uint64_t id);

/** Print an id. @return `buf` */
char *irl_id_print(uint64_t id, char buf[IRL_ID_SIZE]);

/** Read one. @return 0 or EINVAL */
int irl_id_parse(const str *text, uint64_t *id);

#endif
