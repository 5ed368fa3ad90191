/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/atomic_ops.h"
#include "core/cfg/cfg_struct.h"
#include "core/dprint.h"
#include "core/mem/shm_mem.h"
#include "core/pt.h"
#include "core/sr_module.h"

#include "job.h"
#include "registration.h"
#include "release.h"
#include "store.h"

/* Ids that the pipe may hold before posts are only counted. */
#define PIPE_BYTES (1 << 20)

/* Ids taken at a time, between two looks at jobs and timers. */
#define BATCH 256

/* Between two looks for sessions that nobody else ends, and for those whose
 * timer has ended. */
#define SWEEP_MS 60000
#define EXPIRE_MS 1000

static int post_fd = -1, take_fd = -1;
static atomic_t *missed; /* posts that did not fit into the pipe */

/* ---- timers ---------------------------------------------------------------- */

struct deadline
{
	uint64_t at, id;
};

/* The first set is the first due.
 * The memory is this process's own, and may outgrow Kamailio's private pool
 * when a node is drained, hence not from it. */
static struct queue
{
	void (*expired)(uint64_t id);
	struct deadline *ring;
	size_t size, first, count;
} queues[IRL_TIMERS] = {
		[IRL_TIMER_ACK] = {.expired = irl_release_no_ack},
		[IRL_TIMER_LINGER] = {.expired = irl_release_forget},
		[IRL_TIMER_PAIR] = {.expired = irl_release_pair_due},
		[IRL_TIMER_INVITE] = {.expired = irl_release_resend},
		[IRL_TIMER_LATE] = {.expired = irl_release_forget},
};

uint64_t irl_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int64_t epoch_ms; /* of the clock's beginning */

uint32_t irl_clock(void)
{
	return (uint32_t)((epoch_ms + (int64_t)irl_now_ms()) / 1000);
}

static int queue_grow(struct queue *q)
{
	size_t size = q->size ? 2 * q->size : 256, i;
	struct deadline *ring = malloc(size * sizeof(*ring));

	if(!ring)
		return -1;
	for(i = 0; i < q->count; i++)
		ring[i] = q->ring[(q->first + i) % q->size];
	free(q->ring);
	q->ring = ring;
	q->size = size;
	q->first = 0;
	return 0;
}

static uint64_t due_ms; /* when the timer was due that has ended */

static void add_timer(enum irl_timer timer, uint64_t id, uint64_t at)
{
	struct queue *q = &queues[timer];
	struct deadline *d;

	if(q->count == q->size && queue_grow(q) < 0) {
		LM_ERR("out of memory for a timer: it ends at once\n");
		q->expired(id);
		return;
	}
	d = &q->ring[(q->first + q->count) % q->size];
	d->at = at;
	d->id = id;
	q->count++;
}

void irl_worker_timer(enum irl_timer timer, uint64_t id, uint64_t ms)
{
	add_timer(timer, id, irl_now_ms() + ms);
}

void irl_worker_timer_again(enum irl_timer timer, uint64_t id, uint64_t ms)
{
	uint64_t now = irl_now_ms();

	add_timer(timer, id, (due_ms + ms > now ? due_ms : now) + ms);
}

static void run_timers(uint64_t now)
{
	struct queue *q;
	uint64_t id;

	for(q = queues; q < queues + IRL_TIMERS; q++) {
		while(q->count && q->ring[q->first].at <= now) {
			id = q->ring[q->first].id;
			due_ms = q->ring[q->first].at;
			q->first = (q->first + 1) % q->size;
			q->count--;
			q->expired(id);
		}
	}
}

/* Milliseconds until the next timer, at most `wait`. */
static int next_timer(uint64_t now, int wait)
{
	struct queue *q;
	uint64_t at;

	for(q = queues; q < queues + IRL_TIMERS; q++) {
		if(!q->count)
			continue;
		at = q->ring[q->first].at;
		if(at <= now)
			return 0;
		if(at - now < (uint64_t)wait)
			wait = (int)(at - now);
	}
	return wait;
}

/* ---- posts ------------------------------------------------------------------ */

void irl_worker_post(uint64_t id)
{
	ssize_t n;

	do
		n = write(post_fd, &id, sizeof(id));
	while(n < 0 && errno == EINTR);
	if(n != (ssize_t)sizeof(id))
		atomic_inc(missed);
}

/* Posts got lost: whatever is due is still in the records. */
static void step_all(void)
{
	struct irl_session *s;
	uint64_t due[BATCH];
	uint32_t hash;
	int slot, n, i;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		n = 0;
		hash = irl_store_lock_slot(slot, &s);
		for(; s && n < BATCH; s = s->next) {
			if((s->release && s->release->todo) || s->gruus)
				due[n++] = s->id;
		}
		irl_store_unlock(hash);
		for(i = 0; i < n; i++)
			irl_release_step(due[i]);
		if(n == BATCH)
			slot--;
	}
}

static void take_posts(void)
{
	uint64_t ids[BATCH];
	ssize_t n = read(take_fd, ids, sizeof(ids));
	size_t i;

	for(i = 0; n > 0 && i < (size_t)n / sizeof(ids[0]); i++) {
		if(ids[i])
			irl_release_step(ids[i]);
	}
	if(atomic_get(missed)) {
		atomic_set(missed, 0);
		step_all();
	}
}

/* ---- the process ------------------------------------------------------------ */

static void serve(void)
{
	struct pollfd fd = {take_fd, POLLIN, 0};
	uint64_t now, swept = irl_now_ms(), expired = swept;
	int wait, more = 0;

	for(;;) {
		now = irl_now_ms();
		wait = irl_registration_run(now, irl_jobs_run(now));
		wait = next_timer(now, more && wait > 1 ? 1 : wait);
		if(poll(&fd, 1, wait) < 0 && errno != EINTR) {
			LM_CRIT("poll: %s\n", strerror(errno));
			return;
		}
		cfg_update();
		take_posts();
		run_timers(irl_now_ms());
		if(now - swept > SWEEP_MS) {
			irl_release_sweep();
			swept = now;
		}
		if(more || now - expired >= EXPIRE_MS) {
			more = irl_release_expire();
			expired = now;
		}
	}
}

int irl_worker_init(void)
{
	int fds[2];

	epoch_ms = (int64_t)time(NULL) * 1000 - (int64_t)irl_now_ms();
	missed = shm_malloc(sizeof(*missed));
	if(!missed) {
		SHM_MEM_ERROR;
		return -1;
	}
	atomic_set(missed, 0);
	if(pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
		LM_ERR("pipe: %s\n", strerror(errno));
		return -1;
	}
	take_fd = fds[0];
	post_fd = fds[1];
	/* smaller is no error: posts that do not fit are made up for */
	(void)fcntl(post_fd, F_SETPIPE_SZ, PIPE_BYTES);
	register_procs(1);
	cfg_register_child(1);
	return 0;
}

int irl_worker_fork(void)
{
	int pid = fork_process(PROC_XWORKER, "ims_release", 1);

	if(pid < 0) {
		LM_ERR("the releasing process cannot be started\n");
		return -1;
	}
	if(pid > 0)
		return 0;
	if(cfg_child_init() < 0)
		exit(-1);
	serve();
	exit(-1);
}
