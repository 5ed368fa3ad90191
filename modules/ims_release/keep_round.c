/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keep_round.h"

#include <stdlib.h>

#include "core/dprint.h"

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

/* Names of rows removed at a time. */
#define REMOVALS_BATCH 1000

/* The process's own memory. */
static struct irl_row rows[BATCH_ROWS];
static char *texts;
static int nrows, used, full;

static struct irl_removals removals;
static uint64_t away_until;
static int away, told;

/* ---- what has changed ------------------------------------------------------------ */

void irl_keep_remove(const struct irl_uid *uid)
{
	if(!irl_removals_add(&removals, uid, REMOVALS_MAX))
		irl_stat_inc(db_errors);
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
	irl_keep_remove(&uid);
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
		away_until = irl_now_ms() + IRL_AWAY_MS;
		irl_db_close();
	}
	if(failed && !told)
		LM_ERR("the database cannot be written: changes are kept until it "
			   "can\n");
	if(!failed && told)
		LM_NOTICE("the database is written again\n");
	told = failed;
}

/* It may be another one that is back, or one without the table: then it gets
 * all there is. */
static void try_again(void)
{
	int rows;

	if(irl_db_prepare() < 0 || (rows = irl_db_has_rows()) < 0) {
		note_outcome(1);
		return;
	}
	away = 0;
	if(!rows)
		irl_store_all_changed(IRL_DATABASE);
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

/* The last first: those that are not removed keep their place. */
static int remove_rows(void)
{
	size_t n;

	while(removals.count) {
		n = removals.count < REMOVALS_BATCH ? removals.count : REMOVALS_BATCH;
		if(irl_db_remove(&removals.uid[removals.count - n], (int)n) < 0)
			return -1;
		removals.count -= n;
	}
	return 0;
}

/* Removals go first: a session may have taken the name of one that ended. */
static int write_batch(void)
{
	if(remove_rows() < 0)
		return -1;
	return nrows ? irl_db_write(rows, nrows) : 0;
}

static void note_dropped(void)
{
	if(!removals.dropped)
		return;
	LM_ERR("out of memory: rows of %zu ended sessions stay in the database\n",
			removals.dropped);
	removals.dropped = 0;
}

static void flush(void)
{
	note_dropped();
	if(!away && (nrows || removals.count)) {
		note_outcome(write_batch() < 0);
		if(away)
			mark_again();
	}
	nrows = used = full = 0;
	if(irl_params.replicate)
		irl_replica_flush();
}

static void go_through(void)
{
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		irl_store_changes(slot, take_change, NULL);
		if(full || nrows == BATCH_ROWS) {
			flush();
			slot--;
		}
	}
	flush();
}

int irl_keep_round(int last)
{
	if(away && (last || irl_now_ms() >= away_until))
		try_again();
	/* sessions that end meanwhile are taken note of: their memory is Kamailio's */
	if(irl_store_has_changes() || removals.count)
		go_through();
	return away;
}

size_t irl_keep_left(void)
{
	return removals.count;
}

int irl_keep_round_init(void)
{
	texts = malloc(BATCH_BYTES);
	return texts ? 0 : -1;
}
