/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file stats.h  The statistics of group `ims_release` */
#ifndef IRL_STATS_H
#define IRL_STATS_H

#include "core/counters.h"

struct irl_stats
{
	counter_handle_t sessions; /* the first three are read, not counted */
	counter_handle_t releasing;
	counter_handle_t jobs;
	counter_handle_t released;
	counter_handle_t failed;
	counter_handle_t byes_sent;
	counter_handle_t byes_2xx;
	counter_handle_t byes_gone;
	counter_handle_t byes_refused;
	counter_handle_t cancels;
	counter_handle_t answered_481;
	counter_handle_t refused_sessions;
	counter_handle_t db_errors;
};
extern struct irl_stats irl_stats;

/** @return 0 or -1 */
int irl_stats_init(void);

#define irl_stat_inc(name) counter_inc(irl_stats.name)

#endif
