/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats.h"

#include "job.h"
#include "store.h"

struct irl_stats irl_stats;

static counter_val_t read_sessions(counter_handle_t h, void *param)
{
	return irl_store_count();
}

static counter_val_t read_releasing(counter_handle_t h, void *param)
{
	return irl_store_releasing();
}

static counter_val_t read_jobs(counter_handle_t h, void *param)
{
	return irl_jobs_running();
}

int irl_stats_init(void)
{
	static counter_def_t defs[] = {
			{&irl_stats.sessions, "sessions", CNT_F_NO_RESET, read_sessions,
					NULL, "sessions recorded and not yet released"},
			{&irl_stats.releasing, "releasing", CNT_F_NO_RESET, read_releasing,
					NULL, "sessions being released"},
			{&irl_stats.jobs, "jobs", CNT_F_NO_RESET, read_jobs, NULL,
					"jobs running"},
			{&irl_stats.released, "released", 0, NULL, NULL,
					"sessions released, both parties told or gone"},
			{&irl_stats.failed, "failed", 0, NULL, NULL,
					"sessions released with a party that refused its BYE"},
			{&irl_stats.byes_sent, "byes_sent", 0, NULL, NULL,
					"BYEs sent, second tries included"},
			{&irl_stats.byes_2xx, "byes_2xx", 0, NULL, NULL,
					"BYEs answered with a 2xx"},
			{&irl_stats.byes_gone, "byes_gone", 0, NULL, NULL,
					"BYEs answered 481 or 408, or not at all"},
			{&irl_stats.byes_refused, "byes_refused", 0, NULL, NULL,
					"BYEs answered with any other final code"},
			{&irl_stats.cancels, "cancels", 0, NULL, NULL,
					"early sessions cancelled"},
			{&irl_stats.answered_481, "answered_481", 0, NULL, NULL,
					"requests on released sessions answered 481"},
			{&irl_stats.refused_sessions, "refused_sessions", 0, NULL, NULL,
					"sessions not recorded: max_sessions, memory"},
			{&irl_stats.db_errors, "db_errors", 0, NULL, NULL,
					"failed database operations"},
			{NULL, NULL, 0, NULL, NULL, NULL}};

	return counter_register_array("ims_release", defs) < 0 ? -1 : 0;
}
