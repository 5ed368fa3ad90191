/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "job.h"

#include <errno.h>
#include <string.h>

#include "core/dprint.h"
#include "core/locking.h"
#include "core/mem/shm_mem.h"

#include "backlog.h"
#include "params.h"
#include "release.h"
#include "worker.h"

/* Sessions started between two looks at what came in, and the longest sleep
 * of the releasing process. */
#define BURST 8
#define IDLE_MS 1000

struct job
{
	struct job *next;
	struct irl_job_info info;
	uint64_t start_ms, end_ms;
	uint64_t *ids; /* NULL when all have been started */
	uint32_t nids, at;
};

struct jobs
{
	gen_lock_t lock;
	struct job *newest;
	uint32_t last_id;
	int rate;
	int running;
};

static struct jobs *jobs;

int irl_jobs_init(void)
{
	jobs = shm_malloc(sizeof(*jobs));
	if(!jobs) {
		SHM_MEM_ERROR;
		return -1;
	}
	memset(jobs, 0, sizeof(*jobs));
	jobs->rate = irl_params.job_rate;
	return lock_init(&jobs->lock) ? 0 : -1;
}

static void job_free(struct job *job)
{
	if(job->ids)
		shm_free(job->ids);
	shm_free(job);
}

void irl_jobs_destroy(void)
{
	struct job *job;

	if(!jobs)
		return;
	while((job = jobs->newest)) {
		jobs->newest = job->next;
		job_free(job);
	}
	lock_destroy(&jobs->lock);
	shm_free(jobs);
	jobs = NULL;
}

static struct job *find(uint32_t id)
{
	struct job *job;

	for(job = jobs->newest; job && job->info.id != id; job = job->next)
		;
	return job;
}

static int is_over(const struct job *job)
{
	return job->info.state != IRL_JOB_RUNNING && !job->info.in_progress;
}

/* Take out the job that has been over the longest; locked. */
static void forget_one(void)
{
	struct job **at, **oldest = NULL, *job;

	for(at = &jobs->newest; *at; at = &(*at)->next) {
		if(is_over(*at) && (!oldest || (*at)->end_ms <= (*oldest)->end_ms))
			oldest = at;
	}
	if(!oldest)
		return;
	job = *oldest;
	*oldest = job->next;
	job_free(job);
}

/* Of the jobs that are over keep job_history; locked. */
static void forget_old(void)
{
	const struct job *job;
	int over = 0;

	for(job = jobs->newest; job; job = job->next)
		over += is_over(job);
	for(; over > irl_params.job_history; over--)
		forget_one();
}

/* Nothing more will be started; locked. */
static void stop(struct job *job, enum irl_job_state state)
{
	job->info.state = state;
	jobs->running--;
	if(job->ids)
		shm_free(job->ids);
	job->ids = NULL;
	job->nids = job->at = 0;
}

/* A job is over when its last session is. Then it may be forgotten at once.
 * Locked. */
static void check_over(struct job *job)
{
	if(job->at < job->nids || job->info.in_progress || job->end_ms)
		return;
	job->end_ms = irl_now_ms();
	if(job->info.state == IRL_JOB_RUNNING)
		stop(job, IRL_JOB_DONE);
	forget_old();
}

static void copy_text(char *to, size_t size, const str *from)
{
	size_t n = (size_t)irl_text_cut(from, (int)size - 1);

	memcpy(to, from->s, n);
	to[n] = '\0';
}

uint32_t irl_job_start(const struct irl_selector *sel, const uint64_t *ids,
		long nids, const struct irl_reason *reason)
{
	struct job *job = shm_malloc(sizeof(*job));
	uint32_t id;

	if(!job) {
		SHM_MEM_ERROR;
		return 0;
	}
	memset(job, 0, sizeof(*job));
	if(nids) {
		job->ids = shm_malloc((size_t)nids * sizeof(*ids));
		if(!job->ids) {
			SHM_MEM_ERROR;
			shm_free(job);
			return 0;
		}
		memcpy(job->ids, ids, (size_t)nids * sizeof(*ids));
	}
	job->nids = (uint32_t)nids;
	job->start_ms = irl_now_ms();
	job->info.kind = sel->kind;
	job->info.cause = reason->cause;
	job->info.matched = (uint32_t)nids;
	copy_text(job->info.value, sizeof(job->info.value), &sel->value);
	copy_text(job->info.text, sizeof(job->info.text), &reason->text);
	copy_text(job->info.others, sizeof(job->info.others), &reason->others);
	lock_get(&jobs->lock);
	/* 0 is "no job" */
	if(!++jobs->last_id)
		jobs->last_id = 1;
	id = job->info.id = jobs->last_id;
	job->next = jobs->newest;
	jobs->newest = job;
	jobs->running++;
	check_over(job);
	lock_release(&jobs->lock);
	irl_worker_post(0);
	return id;
}

/* What is known of it now; locked. */
static void tell(const struct job *job, struct irl_job_info *info)
{
	uint64_t end = job->end_ms ? job->end_ms : irl_now_ms();
	uint32_t done, left;

	*info = job->info;
	info->elapsed_ms = end - job->start_ms;
	done = info->released + info->failed + info->ended;
	left = info->state == IRL_JOB_RUNNING ? info->matched - done
										  : info->in_progress;
	info->rate = info->elapsed_ms
						 ? (double)done * 1000.0 / (double)info->elapsed_ms
						 : 0.0;
	info->eta_ms = irl_time_left(info->elapsed_ms, done, left);
}

int irl_job_info(uint32_t id, struct irl_job_info *info)
{
	const struct job *job;

	lock_get(&jobs->lock);
	job = find(id);
	if(job)
		tell(job, info);
	lock_release(&jobs->lock);
	return job ? 0 : ENOENT;
}

long irl_job_page(long offset, struct irl_job_info *info, int size, int *n)
{
	const struct job *job;
	long at = 0;

	*n = 0;
	lock_get(&jobs->lock);
	for(job = jobs->newest; job; job = job->next, at++) {
		if(at >= offset && *n < size)
			tell(job, &info[(*n)++]);
	}
	lock_release(&jobs->lock);
	return at;
}

int irl_job_cancel(uint32_t id)
{
	struct job *job;

	lock_get(&jobs->lock);
	job = find(id);
	if(job && job->info.state == IRL_JOB_RUNNING) {
		stop(job, IRL_JOB_CANCELLED);
		check_over(job);
	}
	lock_release(&jobs->lock);
	return job ? 0 : ENOENT;
}

int irl_job_rate(int n)
{
	int rate;

	lock_get(&jobs->lock);
	if(n >= 0)
		jobs->rate = n;
	rate = jobs->rate;
	lock_release(&jobs->lock);
	if(n >= 0)
		irl_worker_post(0);
	return rate;
}

long irl_jobs_running(void)
{
	return jobs ? jobs->running : 0;
}

/* ---- the releasing process -------------------------------------------------- */

void irl_job_ended(uint32_t id, int released, const int code[IRL_LEGS])
{
	struct job *job;
	int i;

	if(!id)
		return;
	lock_get(&jobs->lock);
	job = find(id);
	if(job) {
		job->info.in_progress--;
		if(released)
			job->info.released++;
		else
			job->info.failed++;
		for(i = 0; i < IRL_LEGS; i++) {
			if(code[i])
				irl_tally_add(&job->info.tally, (enum irl_leg_id)i, code[i]);
		}
		check_over(job);
	}
	lock_release(&jobs->lock);
}

/* What is needed to start one session, copied out of its job. */
struct start
{
	uint64_t id;
	uint32_t job;
	int cause;
	char text[IRL_TEXT_MAX + 1];
	char others[IRL_OTHERS_MAX + 1];
};

/* The next session of the first job after `after` that may start one; jobs
 * take turns. Locked. */
static struct job *next_in_turn(uint32_t after)
{
	struct job *job, *first = NULL, *next = NULL;

	for(job = jobs->newest; job; job = job->next) {
		if(job->at >= job->nids
				|| job->info.in_progress >= (uint32_t)irl_params.job_window)
			continue;
		if(!first || job->info.id < first->info.id)
			first = job;
		if(job->info.id > after && (!next || job->info.id < next->info.id))
			next = job;
	}
	return next ? next : first;
}

static int take_start(struct start *start)
{
	static uint32_t turn;
	struct job *job;

	lock_get(&jobs->lock);
	job = next_in_turn(turn);
	if(job) {
		turn = job->info.id;
		start->id = job->ids[job->at++];
		start->job = job->info.id;
		start->cause = job->info.cause;
		memcpy(start->text, job->info.text, sizeof(start->text));
		memcpy(start->others, job->info.others, sizeof(start->others));
		job->info.in_progress++;
	}
	lock_release(&jobs->lock);
	return job != NULL;
}

/* A session that is gone, or another's, has ended; one that is there and could
 * not be released for lack of memory has not. */
static void not_started(uint32_t id, enum irl_trigger why)
{
	struct job *job;

	lock_get(&jobs->lock);
	job = find(id);
	if(job) {
		job->info.in_progress--;
		if(why == IRL_NO_MEMORY)
			job->info.failed++;
		else
			job->info.ended++;
		check_over(job);
	}
	lock_release(&jobs->lock);
}

static void start_one(const struct start *start)
{
	const struct irl_reason reason = {start->cause,
			{(char *)start->text, (int)strlen(start->text)},
			{(char *)start->others, (int)strlen(start->others)}};
	enum irl_trigger result =
			irl_release_trigger(start->id, &reason, start->job);

	if(result != IRL_STARTED)
		not_started(start->job, result);
}

/* Sessions that the rate allows now; it may lend a tenth of a second. */
static int allowance(uint64_t now_ms, int rate, double *credit)
{
	static uint64_t last_ms;
	double most = rate / 10.0 > 1.0 ? rate / 10.0 : 1.0;

	*credit += (double)(now_ms - last_ms) * rate / 1000.0;
	if(!last_ms || *credit > most)
		*credit = most;
	last_ms = now_ms;
	return *credit > BURST ? BURST : (int)*credit;
}

int irl_jobs_run(uint64_t now_ms)
{
	static uint64_t last_ms;
	static double credit;
	struct start start;
	int rate, share, allowed, n = 0;

	lock_get(&jobs->lock);
	rate = jobs->running ? jobs->rate : -1;
	lock_release(&jobs->lock);
	if(rate < 0)
		return IDLE_MS;
	share = irl_backlog_share(now_ms, BURST, &last_ms);
	if(!share)
		return 1;
	/* without a rate nothing is saved up, and nothing owed */
	allowed = rate ? allowance(now_ms, rate, &credit) : share;
	if(allowed > share)
		allowed = share;
	if(!rate)
		credit = 0;
	while(n < allowed && take_start(&start)) {
		start_one(&start);
		n++;
	}
	if(rate)
		credit -= n;
	if(n == share)
		return share == BURST ? 0 : 1;
	return rate ? 1 + 1000 / (rate > 1000 ? 1000 : rate) : IDLE_MS;
}
