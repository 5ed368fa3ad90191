/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* pipe2 */
#include "keep_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
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
 * and waits for its end. All that wait are served by one. No lock guards this:
 * a process that is told to end does so wherever it is. */
static struct shared
{
	uint32_t begun, done; /* rounds; they wrap */
	uint32_t away;
} * shared;

static int wake_fd = -1;

int irl_keep_woken_fd = -1;

int irl_keep_wait_init(void)
{
	int fds[2];

	shared = shm_malloc(sizeof(*shared));
	if(!shared || pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	irl_keep_woken_fd = fds[0];
	wake_fd = fds[1];
	memset(shared, 0, sizeof(*shared));
	return 0;
}

static uint32_t get(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}

static void set(uint32_t *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_SEQ_CST);
}

/* Until the number is another one, or that time of the clock CLOCK_MONOTONIC. */
static long wait_while(
		uint32_t *at, uint32_t value, const struct timespec *until)
{
	return syscall(SYS_futex, at, FUTEX_WAIT_BITSET, value, until, NULL,
			FUTEX_BITSET_MATCH_ANY);
}

void irl_keep_round_for_all(void)
{
	char buf[512];
	uint32_t n;

	while(read(irl_keep_woken_fd, buf, sizeof(buf)) == (ssize_t)sizeof(buf))
		;
	n = get(&shared->begun) + 1;
	set(&shared->begun, n);
	set(&shared->away, irl_keep_round(0) != 0);
	set(&shared->done, n);
	syscall(SYS_futex, &shared->done, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
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

/* @return 1 when that round has ended, or there is none to wait for; 0 for
 * having waited too long */
static int wait_for(uint32_t round)
{
	struct timespec until;
	uint32_t done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	for(;;) {
		done = get(&shared->done);
		if(get(&shared->away) || (int32_t)(done - round) >= 0)
			return 1;
		if(wait_while(&shared->done, done, &until) < 0 && errno == ETIMEDOUT)
			return 0;
	}
}

void irl_keep_wait(void)
{
	uint32_t round;

	if(!shared || !irl_store_changed_here())
		return;
	round = get(&shared->begun) + 1;
	if(write(wake_fd, "", 1) < 0 && errno != EAGAIN)
		LM_ERR("pipe: %s\n", strerror(errno));
	if(wait_for(round))
		return;
	/* one has waited for all: until this round has ended nobody else does */
	set(&shared->away, 1);
	complain_slow();
}
