/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file db.h  The table of sessions, through Kamailio's database API
 *
 * One row a session, named by its uid. Any driver serves; with MySQL and
 * SQLite the table is created here and many rows go into one statement.
 * Each process opens a connection of its own.
 */
#ifndef IRL_DB_H
#define IRL_DB_H

#include "row.h"

/** What of a table's layout may differ from another's. */
#define IRL_TABLE_VERSION 1

/** Find the driver of db_url. @return 0, or -1 with one line in the log */
int irl_db_bind(void);

/** @return 0 or -1 */
int irl_db_open(void);
void irl_db_close(void);

/** Have the table there, of the right version.
 * @return 0, or -1 with one line of ours in the log */
int irl_db_prepare(void);

/** @return whether there is any row, of whichever node; -1 when it cannot be
 * read */
int irl_db_has_rows(void);

/**
 * Read all rows of this node, and those of none.
 *
 * @return 0, or -1 when the table cannot be read
 */
int irl_db_read(const str *node, void (*take)(const struct irl_row *row));

/** Write rows, each in place of what is there. @return 0 or -1: then any of
 * them may be written */
int irl_db_write(const struct irl_row *rows, int n);

/** Remove rows, whether or not they are there. @return 0 or -1 */
int irl_db_remove(const struct irl_uid *uids, int n);

#endif
