/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file keep_round.h  One round of the keeping process: what has changed is
 * taken and written, session by session
 *
 * While the database is away, sessions stay marked, and the names of rows to be
 * removed are a list in this process's own memory.
 */
#ifndef IRL_KEEP_ROUND_H
#define IRL_KEEP_ROUND_H

#include <stddef.h>

#include "row.h"

/** Between two tries while the database is away. */
#define IRL_AWAY_MS 1000

/** @return 0 or -1 */
int irl_keep_round_init(void);

/** @param last there is no other: a database that is away is tried again
 * @return the database is away */
int irl_keep_round(int last);

/** A row that this process is to remove. */
void irl_keep_remove(const struct irl_uid *uid);

/** Rows that were to be removed and are not. */
size_t irl_keep_left(void);

#endif
