/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file job.h  Releases of many sessions, paced
 *
 * Whoever asks starts a job with the ids it selected; the releasing process
 * starts one session after the other, and takes down how each ended. All jobs
 * and all their fields are guarded by one lock, which is a leaf.
 */
#ifndef IRL_JOB_H
#define IRL_JOB_H

#include "core_tally.h"
#include "selector.h"

enum irl_job_state
{
	IRL_JOB_RUNNING,
	IRL_JOB_DONE,
	IRL_JOB_CANCELLED
};

/** A job as RPC shows it. */
struct irl_job_info
{
	uint32_t id;
	enum irl_job_state state;
	enum irl_selector_kind kind;
	char value[256]; /**< cut there */
	int cause;
	char text[IRL_TEXT_MAX + 1];
	char others[IRL_OTHERS_MAX + 1];
	uint32_t matched, released, failed;
	uint32_t ended; /**< gone before their turn, or released by another */
	uint32_t in_progress;
	double rate; /**< sessions finished a second so far */
	uint64_t elapsed_ms;
	int eta_ms; /**< by irl_time_left() */
	struct irl_tally tally;
};

/** @return 0 or -1 */
int irl_jobs_init(void);
void irl_jobs_destroy(void);

/**
 * Start a job. One of no session is done at once.
 *
 * @return its id, 0 out of memory
 */
uint32_t irl_job_start(const struct irl_selector *sel, const uint64_t *ids,
		long nids, const struct irl_reason *reason);

/** @return 0, or ENOENT */
int irl_job_info(uint32_t id, struct irl_job_info *info);

/**
 * The jobs kept, newest first, from one of them on.
 *
 * @param n out: how many of `info` are filled
 * @return how many jobs there are
 */
long irl_job_page(long offset, struct irl_job_info *info, int size, int *n);

/** Stop a job; what it began is finished. @return 0 or ENOENT */
int irl_job_cancel(uint32_t id);

/** Read or set (n >= 0) the pace. @return the pace in force */
int irl_job_rate(int n);

/** Jobs running. */
long irl_jobs_running(void);

/** For the releasing process: a session of a job ended. Job 0 is none. */
void irl_job_ended(uint32_t id, int released, const int code[IRL_LEGS]);

/**
 * For the releasing process: start what the pace allows.
 *
 * @return milliseconds until there may be more to start
 */
int irl_jobs_run(uint64_t now_ms);

#endif
