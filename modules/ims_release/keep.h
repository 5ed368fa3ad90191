/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file keep.h  Copies of the sessions: in the database, on other nodes
 *
 * SIP workers only mark what they change (store.h). A process of its own goes
 * round, takes what has changed, and writes it: each session once a round,
 * however often it changed, and none that came and went in between. A follower
 * that cannot be reached keeps nobody waiting: sessions stay marked, which
 * needs no memory, and what has to be removed is a short list.
 */
#ifndef IRL_KEEP_H
#define IRL_KEEP_H

/** From mod_init, with the table of sessions there: reads the database.
 * @return 0 or -1 */
int irl_keep_init(void);

/** From child_init(PROC_MAIN). @return 0 or -1 */
int irl_keep_fork(void);

/** When all other processes have ended: write what is left. */
void irl_keep_finish(void);

/**
 * With `db_delay` 0, from a SIP worker, nothing of ours locked: wait until
 * what it has changed is in the database, or the database is away. Without a
 * change, or with another `db_delay`, it returns at once.
 */
void irl_keep_wait(void);

#endif
