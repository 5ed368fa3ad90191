/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_said.h  What one node says to another
 *
 * A message has the fields of a record (core_record.h): first who speaks, by
 * `node`, `boot` and `number`, then any of
 *
 *   row    a session of the speaker, as text
 *   gone   one that is no more
 *   want   it asks for all sessions of the node that it names
 *   copy   its rows are of a copy of all, by the number of the copy's first
 *          message; what was last told before that is no more, once the copy is
 *          here as a whole
 *   messages  how many the copy has, in its last one
 *   count  how many sessions it has
 *   claim  it has taken over those of a node
 *
 * Whatever comes over the network is read here. What is read points into it.
 */
#ifndef IRL_CORE_SAID_H
#define IRL_CORE_SAID_H

#include <stdint.h>

#include "core_text.h"

/** Longest name of a node. */
#define IRL_NODE_NAME_MAX 128

struct irl_said
{
	str node;
	uint32_t boot, number;
};

/** Take the first three fields off. @return 0, -1 when it is none of ours */
int irl_said_head(str *rest, struct irl_said *h);

/** Which message a copy is of: they are counted anew after each start. */
uint64_t irl_said_version(uint32_t boot, uint32_t number);

struct irl_said_claim
{
	uint32_t at;		   /**< when, in seconds since the epoch */
	uint32_t boot, number; /**< the last that was heard of that node */
	str node;
};

int irl_said_claim(const str *value, struct irl_said_claim *c);

struct irl_said_gone
{
	str callid, from_tag, tag;
	uint32_t taken; /**< when its owner took it over, 0: it did not */
};

int irl_said_gone(const str *value, struct irl_said_gone *g);

/** @return its length, -1 when `size` is too small */
int irl_said_put_gone(const struct irl_said_gone *g, char *buf, int size);

#endif
