/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_tally.h"

#include <limits.h>

void irl_tally_add(struct irl_tally *tally, enum irl_leg_id leg, int code)
{
	int i;

	for(i = 0; i < tally->ncodes; i++) {
		if(tally->codes[i].leg == leg && tally->codes[i].code == code)
			break;
	}
	if(i == IRL_TALLY_CODES) {
		tally->others[leg]++;
		return;
	}
	if(i == tally->ncodes) {
		tally->ncodes++;
		tally->codes[i].leg = (uint8_t)leg;
		tally->codes[i].code = (uint16_t)code;
	}
	tally->codes[i].count++;
}

int irl_time_left(uint64_t elapsed_ms, uint32_t done, uint32_t left)
{
	double ms;

	if(!left)
		return 0;
	if(!done)
		return IRL_TIME_UNKNOWN;
	ms = (double)elapsed_ms * left / done;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}
