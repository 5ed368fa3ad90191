/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_record.h  A session as text, for the database and for other nodes
 *
 * What a release needs of an answered session, as a line of fields in any
 * order, each `name length:value ` with a space behind: a value may hold any
 * byte but line ends that are no folds. Names that are not known are passed
 * over, so that a newer version may add some. Early sessions have no text: nobody can
 * release them when the transaction of their INVITE is lost.
 */
#ifndef IRL_CORE_RECORD_H
#define IRL_CORE_RECORD_H

#include "core_session.h"

/** Room for any record. */
#define IRL_RECORD_MAX (IRL_BLOCK_MAX + 8192)

/** What the core does not know: how a socket is called. */
struct irl_record_sockets
{
	/** @return its name, which lasts until the next call; empty for none */
	str (*name)(void *socket);
	/** @return NULL when there is none of that name */
	void *(*find)(const str *name);
};

/** There is something to keep of this session: it was answered and is not yet
 * released. */
int irl_record_worthy(const struct irl_session *s);

/**
 * Print the text of a session; the CSeqs that our BYEs use count as seen.
 *
 * @return its length; -1 when `size` is too small
 */
int irl_record_pack(const struct irl_session *s,
		const struct irl_record_sockets *sockets, char *buf, int size);

/**
 * Read it.
 *
 * @param error out: what is wrong, when NULL is returned
 * @return a new session in state answered or confirmed, with the release that
 *         was under way as its resume_cause; NULL for a text that is no
 *         session, or out of memory
 */
struct irl_session *irl_record_unpack(const str *text,
		const struct irl_record_sockets *sockets, const char **error);

/* The fields themselves, for what else is said in this way. */

/** Print one at `at`. @return where the next one goes; -1 when `size` is too
 * small, or `at` was -1 */
int irl_record_put(
		char *buf, int size, int at, const char *name, const str *value);

/** Take the first field off a text.
 * @return 1, 0 when there is none, -1 when it is malformed */
int irl_record_next(str *rest, str *name, str *value);

/** @return 0; -1 for anything but a number up to `most` */
int irl_record_number(const str *value, uint32_t most, uint32_t *n);

#endif
