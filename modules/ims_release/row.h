/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file row.h  A session as it is kept elsewhere: its text, and what it is
 * looked for by
 */
#ifndef IRL_ROW_H
#define IRL_ROW_H

#include "core_record.h"
#include "core_removals.h"

struct irl_row
{
	struct irl_uid uid;
	uint64_t id;	  /**< of the session, here */
	uint32_t created; /**< seconds since the epoch */
	/** texts, in one block that belongs to who has the row */
	str node, state, callid, from_tag, to_tag, impu, icid, record;
};

/** The name of an answered session; slot locked. */
void irl_uid_of(const struct irl_session *s, struct irl_uid *uid);

/** How sockets are written in a record. */
extern const struct irl_record_sockets irl_sockets;

/**
 * The row of a session; slot locked.
 *
 * @param buf room for all texts
 * @return bytes used of it; -1 when `size` is too small
 */
int irl_row_print(const struct irl_session *s, const str *node,
		struct irl_row *row, char *buf, int size);

/**
 * Put the session of a record into the table, in place of one that is there.
 *
 * @param error out: what is wrong
 * @return 0 or -1
 */
int irl_row_restore(const str *record, const char **error);

/** Begin the releases again that were under way where the records come from. */
void irl_row_resume(void);

#endif
