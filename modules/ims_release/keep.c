/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* pipe2 */
#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cfg/cfg_struct.h"
#include "core/dprint.h"
#include "core/mem/shm_mem.h"
#include "core/pt.h"
#include "core/sr_module.h"

#include "db.h"
#include "params.h"
#include "replica.h"
#include "row.h"
#include "stats.h"
#include "store.h"
#include "worker.h"

/* Sessions written at a time. */
#define BATCH_ROWS 200
#define BATCH_BYTES (512 * 1024)

/* Ended sessions whose rows are to be removed: above it they stay, until they
 * are too old at a start. 32 MiB at most. */
#define REMOVALS_MAX (1 << 20)

/* Between two tries while the database is away. */
#define AWAY_MS 1000

/* Other nodes learn of a change within this. */
#define REPLICATE_MS 50
#define RESUME_MS 4000

/* How long a SIP worker waits for the database at most. */
#define PATIENCE_MS 1000

/* The process's own memory. */
static struct irl_row rows[BATCH_ROWS];
static char *texts;
static int nrows, used, full;

static struct
{
	struct irl_uid *uid;
	size_t size, count, dropped;
} removals;

static uint64_t away_until;
static int away, told;

/* ---- what has changed ------------------------------------------------------------ */

static void remove_later(const struct irl_uid *uid)
{
	size_t size = removals.size ? 2 * removals.size : 1024;
	struct irl_uid *grown;

	if(removals.count == removals.size) {
		grown = size > REMOVALS_MAX
						? NULL
						: realloc(removals.uid, size * sizeof(*grown));
		if(!grown) {
			removals.dropped++;
			return;
		}
		removals.uid = grown;
		removals.size = size;
	}
	removals.uid[removals.count++] = *uid;
}

/* For the database: @return 0 when there is no room in this batch. */
static int take_row(struct irl_session *s)
{
	int n;

	if(nrows == BATCH_ROWS)
		return 0;
	n = irl_row_print(s, irl_replica_node(), &rows[nrows], texts + used,
			BATCH_BYTES - used);
	if(n < 0)
		return 0;
	used += n;
	nrows++;
	s->kept |= IRL_DATABASE;
	return 1;
}

static void drop_row(struct irl_session *s)
{
	struct irl_uid uid;

	if(!(s->kept & IRL_DATABASE))
		return;
	irl_uid_of(s, &uid);
	remove_later(&uid);
	s->kept &= (uint8_t)~IRL_DATABASE;
}

/* What this node has to keep of a session. */
static int is_kept(const struct irl_session *s, int gone)
{
	return !gone && !s->owner.len && irl_record_worthy(s);
}

static int for_database(struct irl_session *s, int kept)
{
	if(!kept) {
		drop_row(s);
		return 1;
	}
	if(away)
		return 0;
	if(take_row(s))
		return 1;
	full = 1;
	return 0;
}

static int for_nodes(struct irl_session *s, int kept, int gone)
{
	int told = 1;

	if(kept)
		told = irl_replica_row(s);
	else if(s->owner.len)
		s->kept &= (uint8_t)~IRL_NODES; /* the other's to tell */
	else if(s->kept & IRL_NODES)
		told = irl_replica_gone(s, !gone);
	if(!told)
		full = 1;
	return told;
}

static int take_change(
		struct irl_session *s, int changed_for, int gone, void *param)
{
	int kept = is_kept(s, gone), taken = 0;

	if((changed_for & IRL_DATABASE) && for_database(s, kept))
		taken |= IRL_DATABASE;
	if((changed_for & IRL_NODES) && for_nodes(s, kept, gone))
		taken |= IRL_NODES;
	return taken;
}

/* ---- the database -------------------------------------------------------------- */

/* A lost database is said once, and so is its return. */
static void note_outcome(int failed)
{
	away = failed;
	if(failed) {
		irl_stat_inc(db_errors);
		away_until = irl_now_ms() + AWAY_MS;
	}
	if(failed && !told)
		LM_ERR("the database cannot be written: changes are kept until it "
			   "can\n");
	if(!failed && told)
		LM_NOTICE("the database is written again\n");
	told = failed;
}

/* The rows of this batch are to be written later. */
static void mark_again(void)
{
	struct irl_session *s;
	int i;

	for(i = 0; i < nrows; i++) {
		s = irl_store_get(rows[i].id);
		if(!s)
			continue;
		irl_store_mark(s, IRL_DATABASE);
		irl_store_unlock(s->hash);
	}
}

/* Removals go first: a session may have taken the name of one that ended. */
static int write_batch(void)
{
	if(removals.count && irl_db_remove(removals.uid, (int)removals.count) < 0)
		return -1;
	removals.count = 0;
	return nrows ? irl_db_write(rows, nrows) : 0;
}

static void flush(void)
{
	if(removals.dropped) {
		LM_ERR("out of memory: rows of %zu ended sessions stay in the "
			   "database\n",
				removals.dropped);
		removals.dropped = 0;
	}
	if(!away && (nrows || removals.count)) {
		note_outcome(write_batch() < 0);
		if(away)
			mark_again();
	}
	nrows = used = full = 0;
	if(irl_params.replicate)
		irl_replica_flush();
}

static void go_round(void)
{
	int slot;

	if(away && irl_now_ms() < away_until && !irl_params.replicate)
		return;
	if(irl_now_ms() >= away_until)
		away = 0; /* the first batch tries whether it is */
	if(!irl_store_has_changes() && !removals.count)
		return;
	for(slot = 0; slot < irl_store_slots(); slot++) {
		irl_store_changes(slot, take_change, NULL);
		if(full || nrows == BATCH_ROWS) {
			flush();
			slot--;
		}
	}
	flush();
}

/* ---- who waits for it ------------------------------------------------------------ */

/* With `db_delay` 0 a SIP worker asks for a round that begins after its change
 * and waits for its end. All that wait are served by one. */
static struct shared
{
	pthread_mutex_t lock;
	pthread_cond_t ended;
	uint64_t begun, done;
	int away;
} * shared;

static int wake_fd = -1, woken_fd = -1;

static int wait_init(void)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	int fds[2];

	shared = shm_malloc(sizeof(*shared));
	if(!shared || pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	woken_fd = fds[0];
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

static void round_for_all(void)
{
	uint64_t n;

	pthread_mutex_lock(&shared->lock);
	n = ++shared->begun;
	pthread_mutex_unlock(&shared->lock);
	go_round();
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
	pthread_mutex_unlock(&shared->lock);
	if(err)
		complain_slow();
}

/* ---- the process ------------------------------------------------------------------ */

/* Half of `db_delay` may pass before a round, the rest is for writing. */
static int round_ms(void)
{
	int ms = shared ? AWAY_MS : irl_params.db_delay / 2;

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

static void serve(void)
{
	struct pollfd fd = {woken_fd, POLLIN, 0};
	char buf[512];

	for(;;) {
		if(poll(&fd, shared ? 1 : 0, round_ms()) < 0 && errno != EINTR) {
			LM_CRIT("poll: %s\n", strerror(errno));
			return;
		}
		cfg_update();
		replicate();
		if(!shared) {
			go_round();
			continue;
		}
		while(read(woken_fd, buf, sizeof(buf)) == (ssize_t)sizeof(buf))
			;
		round_for_all();
	}
}

/* ---- start and end ------------------------------------------------------------------ */

/* A session lasts half a day, as a dialog module has it by default; a row of
 * twice that is of one that nobody has told us the end of. */
#define ROW_AGE_MAX 86400

static long nread, nunreadable, nold;

static void restore(const struct irl_row *row)
{
	const char *error;

	/* less than nothing, when the clock was set back */
	if((int32_t)((uint32_t)time(NULL) - row->created) > ROW_AGE_MAX) {
		nold++;
		remove_later(&row->uid);
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
	texts = malloc(BATCH_BYTES);
	if(!texts || irl_db_bind() < 0)
		return -1;
	irl_store_follow(IRL_DATABASE);
	if(read_all() < 0)
		return -1;
	if(irl_params.db_delay == 0 && wait_init() < 0) {
		LM_ERR("no memory to wait for the database\n");
		return -1;
	}
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
	exit(-1);
}

void irl_keep_finish(void)
{
	if(!texts)
		return;
	irl_store_unlock_all();
	go_round();
	irl_db_close();
}
