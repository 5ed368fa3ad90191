/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file expiry.h  When the session timers end
 *
 * Beside the table: of each slot a time before which no timer in it ends. It is
 * written under the slot's lock, and read without.
 */
#ifndef IRL_EXPIRY_H
#define IRL_EXPIRY_H

#include "core_session.h"

/** @return 0 or ENOMEM */
int irl_expiry_init(int slots);
void irl_expiry_destroy(void);

/** Its timer ends then, 0: it has none; slot locked. */
void irl_expiry_set(struct irl_session *s, uint32_t at);

/** The same by a Session-Expires that has just come: seconds, 0 for none; `now` by irl_clock(). A
 * peer's that is too short to be legal is lengthened (RFC 4028 4). */
void irl_expiry_start(struct irl_session *s, uint32_t lifetime, uint32_t now);

/**
 * For the releasing process: sessions of this node whose timer has ended. Only
 * slots in which one may have are looked into.
 *
 * @return how many; `size`: there may be more
 */
int irl_expiry_take(uint32_t now, uint64_t *ids, int size);

#endif
