/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* pipe2 */
#include "keep_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/dprint.h"
#include "core/mem/shm_mem.h"

#include "keep.h"
#include "keep_round.h"
#include "stats.h"
#include "store.h"

/* How long a SIP worker waits for the database at most. */
#define PATIENCE_MS 1000

/* With `db_delay` 0 a SIP worker asks for a round that begins after its change
 * and waits for its end. All that wait are served by one. */
static struct shared
{
	pthread_mutex_t lock;
	pthread_cond_t ended;
	uint64_t begun, done;
	int away;
} * shared;

static int wake_fd = -1;

int irl_keep_woken_fd = -1;

int irl_keep_wait_init(void)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	int fds[2];

	shared = shm_malloc(sizeof(*shared));
	if(!shared || pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	irl_keep_woken_fd = fds[0];
	wake_fd = fds[1];
	memset(shared, 0, sizeof(*shared));
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	return pthread_mutex_init(&shared->lock, &mutex)
						   || pthread_cond_init(&shared->ended, &cond)
				   ? -1
				   : 0;
}

void irl_keep_round_for_all(void)
{
	char buf[512];
	uint64_t n;
	int away;

	while(read(irl_keep_woken_fd, buf, sizeof(buf)) == (ssize_t)sizeof(buf))
		;
	pthread_mutex_lock(&shared->lock);
	n = ++shared->begun;
	pthread_mutex_unlock(&shared->lock);
	away = irl_keep_round(0);
	pthread_mutex_lock(&shared->lock);
	shared->done = n;
	shared->away = away;
	pthread_cond_broadcast(&shared->ended);
	pthread_mutex_unlock(&shared->lock);
}

static void complain_slow(void)
{
	static time_t last;
	time_t now = time(NULL);

	irl_stat_inc(db_errors);
	if(now != last)
		LM_ERR("the database takes over %d ms: not waited for any longer\n",
				PATIENCE_MS);
	last = now;
}

void irl_keep_wait(void)
{
	struct timespec until;
	uint64_t wanted;
	int err = 0;

	if(!shared || !irl_store_changed_here())
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&shared->lock);
	wanted = shared->begun + 1;
	if(write(wake_fd, "", 1) < 0 && errno != EAGAIN)
		LM_ERR("pipe: %s\n", strerror(errno));
	while(!err && !shared->away && shared->done < wanted)
		err = pthread_cond_timedwait(&shared->ended, &shared->lock, &until);
	/* one has waited for all: until this round has ended nobody else does */
	if(err)
		shared->away = 1;
	pthread_mutex_unlock(&shared->lock);
	if(err)
		complain_slow();
}
