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

/** A release that was under way, to be begun again. */
struct irl_record_release
{
	int cause; /**< 0: none */
	int text_len;
	char text[IRL_TEXT_MAX];
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
 * @param release out: what to do with the session
 * @param error   out: what is wrong, when NULL is returned
 * @return a new session in state answered or confirmed; NULL for a text that
 *         is no session, or out of memory
 */
struct irl_session *irl_record_unpack(const str *text,
		const struct irl_record_sockets *sockets,
		struct irl_record_release *release, const char **error);

#endif
