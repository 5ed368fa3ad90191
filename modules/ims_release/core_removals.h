/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_removals.h  Names of sessions whose rows are to be removed
 *
 * In the memory of the process that removes them, and bounded: what does not
 * fit is counted.
 */
#ifndef IRL_CORE_REMOVALS_H
#define IRL_CORE_REMOVALS_H

#include <stddef.h>

/** Bytes of a name of a session, terminating zero included. */
#define IRL_UID_SIZE 33

/** Names a session wherever its copies are: a digest of Call-ID and both tags,
 * hexadecimal. */
struct irl_uid
{
	char s[IRL_UID_SIZE];
};

struct irl_removals
{
	struct irl_uid *uid;
	size_t size, count;
	size_t dropped; /**< did not fit, since somebody last set it to 0 */
};

/** Add one; above `max`, or without memory, it is dropped.
 * @return whether it was added */
int irl_removals_add(
		struct irl_removals *list, const struct irl_uid *uid, size_t max);

#endif
