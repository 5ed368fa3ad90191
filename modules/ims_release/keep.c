/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* ppoll */
#include "keep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cfg/cfg_struct.h"
#include "core/dprint.h"
#include "core/pt.h"
#include "core/sr_module.h"

#include "db.h"
#include "keep_round.h"
#include "keep_wait.h"
#include "params.h"
#include "replica.h"
#include "row.h"
#include "store.h"
#include "worker.h"

/* Other nodes learn of a change within this. */
#define REPLICATE_MS 50
#define RESUME_MS 4000

/* From the order to end until it has written everything. */
#define END_SECONDS 30

/* ---- the process ------------------------------------------------------------------ */

/* Half of `db_delay` may pass before a round, the rest is for writing. */
static int round_ms(void)
{
	int ms = irl_keep_woken_fd >= 0 ? IRL_AWAY_MS : irl_params.db_delay / 2;

	if(irl_params.replicate && ms > REPLICATE_MS)
		ms = REPLICATE_MS;
	return ms > 10 ? ms : 10;
}

/* Releases that were under way when this node ended begin again when another
 * node has had the time to say that it has taken them over. */
static void resume(uint64_t now)
{
	static uint64_t due;

	if(!due)
		due = now + RESUME_MS;
	if(due == UINT64_MAX || now < due)
		return;
	irl_row_resume();
	due = UINT64_MAX;
}

static void replicate(void)
{
	uint64_t now = irl_now_ms();

	if(!irl_params.replicate)
		return;
	irl_replica_tick(now);
	resume(now);
}

/* What only this process knows of. */
static void finish(void)
{
	if(!irl_params.db_url.len)
		return;
	if(irl_keep_round(1))
		LM_ERR("the database is away at the end: what changed since it went is "
			   "not written, rows of %zu ended sessions stay\n",
				irl_keep_left());
	irl_db_close();
}

static volatile sig_atomic_t ended;

/* Others that are told to end do so at once, and may have had a lock: this
 * process does not wait for it for ever. What is not written then the main
 * process writes (irl_keep_finish()). Kamailio waits for 60 seconds. */
static void on_end(int signo)
{
	ended = 1;
	alarm(END_SECONDS);
}

/* It ends only where it waits: a batch is written or not yet taken. */
static void end_here_alone(sigset_t *waiting)
{
	struct sigaction end = {.sa_handler = on_end, .sa_flags = SA_RESTART};
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, waiting);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGINT);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
}

static void serve(void)
{
	struct pollfd fd = {irl_keep_woken_fd, POLLIN, 0};
	struct timespec pause;
	sigset_t waiting, blocked;

	end_here_alone(&waiting);
	while(!ended) {
		pause.tv_sec = round_ms() / 1000;
		pause.tv_nsec = round_ms() % 1000 * 1000000L;
		if(ppoll(&fd, fd.fd >= 0 ? 1 : 0, &pause, &waiting) < 0
				&& errno != EINTR) {
			LM_CRIT("poll: %s\n", strerror(errno));
			return;
		}
		sigprocmask(SIG_SETMASK, &waiting, &blocked);
		cfg_update();
		replicate();
		if(fd.fd >= 0)
			irl_keep_round_for_all();
		else
			irl_keep_round(0);
		sigprocmask(SIG_SETMASK, &blocked, NULL);
	}
	finish();
}

/* ---- start and end ------------------------------------------------------------------ */

/* A session lasts half a day, as a dialog module has it by default; a row of
 * twice that is of one that nobody has told us the end of. */
#define ROW_AGE_MAX 86400

static long nread, nunreadable, nold;
static int started;

static void restore(const struct irl_row *row)
{
	const char *error;

	/* less than nothing, when the clock was set back */
	if((int32_t)((uint32_t)time(NULL) - row->created) > ROW_AGE_MAX) {
		nold++;
		irl_keep_remove(&row->uid);
	} else if(irl_row_restore(&row->record, &error) < 0) {
		nunreadable++;
		LM_ERR("row %s of the database is no session: %s\n", row->uid.s, error);
	} else
		nread++;
}

static int read_all(void)
{
	int err = irl_db_open() < 0 || irl_db_prepare() < 0
			  || irl_db_read(irl_replica_node(), restore) < 0;

	irl_db_close();
	if(err) {
		LM_ERR("the database of parameter db_url cannot be used\n");
		return -1;
	}
	if(!irl_params.replicate)
		irl_row_resume();
	LM_INFO("%ld sessions read from the database, %ld too old, %ld not "
			"readable\n",
			nread, nold, nunreadable);
	return 0;
}

static int is_needed(void)
{
	return irl_params.db_url.len || irl_params.replicate;
}

static int database_init(void)
{
	if(irl_keep_round_init() < 0 || irl_db_bind() < 0)
		return -1;
	irl_store_follow(IRL_DATABASE);
	if(read_all() < 0)
		return -1;
	if(irl_params.db_delay == 0 && irl_keep_wait_init() < 0) {
		LM_ERR("no memory to wait for the database\n");
		return -1;
	}
	started = 1;
	return 0;
}

int irl_keep_init(void)
{
	if(!is_needed())
		return 0;
	if(irl_replica_init() < 0 || (irl_params.db_url.len && database_init() < 0))
		return -1;
	if(irl_params.replicate)
		irl_store_all_changed(IRL_NODES);
	register_procs(1);
	cfg_register_child(1);
	return 0;
}

int irl_keep_fork(void)
{
	int pid;

	if(!is_needed())
		return 0;
	pid = fork_process(PROC_XWORKER, "ims_release keeper", 1);
	if(pid < 0) {
		LM_ERR("the process that keeps copies of sessions cannot be started\n");
		return -1;
	}
	if(pid > 0)
		return 0;
	if(cfg_child_init() < 0)
		exit(-1);
	serve();
	exit(ended ? 0 : -1);
}

void irl_keep_finish(void)
{
	if(!started)
		return;
	irl_store_unlock_all();
	finish();
}
