/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file core_tally.h  What the releases of a job add up to */
#ifndef IRL_CORE_TALLY_H
#define IRL_CORE_TALLY_H

#include "core_session.h"

/** Final codes, of both legs together, that are counted one by one. */
#define IRL_TALLY_CODES 48

/** How often each code came, in the order in which they came first. */
struct irl_tally
{
	int ncodes;
	struct
	{
		uint8_t leg;
		uint16_t code;
		uint32_t count;
	} codes[IRL_TALLY_CODES];
	uint32_t others[IRL_LEGS]; /**< what came of codes beyond those */
};

void irl_tally_add(struct irl_tally *tally, enum irl_leg_id leg, int code);

/** What irl_time_left() says as long as nobody can know. */
#define IRL_TIME_UNKNOWN (-1)

/**
 * Milliseconds until a job is through, at the pace that it has had.
 *
 * @param done sessions that it got through with in `elapsed_ms`
 * @return 0 with none left, else IRL_TIME_UNKNOWN with none done; at most INT_MAX
 */
int irl_time_left(uint64_t elapsed_ms, uint32_t done, uint32_t left);

#endif
