/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file keep_wait.h  With `db_delay` 0: rounds that SIP workers wait for
 */
#ifndef IRL_KEEP_WAIT_H
#define IRL_KEEP_WAIT_H

/** From mod_init. @return 0 or -1 */
int irl_keep_wait_init(void);

/** Readable when a worker waits; -1 with another `db_delay`. */
extern int irl_keep_woken_fd;

/** For the keeping process: a round, and all who wait for it go on. */
void irl_keep_round_for_all(void);

#endif
