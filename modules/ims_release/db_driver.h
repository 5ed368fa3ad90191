/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file db_driver.h  The two ways to the table of sessions
 *
 * With statements of SQL, many rows each, for drivers that are known to take
 * them; or row by row through what every driver has.
 */
#ifndef IRL_DB_DRIVER_H
#define IRL_DB_DRIVER_H

#include "lib/srdb1/db.h"

#include "db.h"

/** Rows read at a time: they stand in private memory. */
#define IRL_PAGE_ROWS 100

enum irl_column
{
	IRL_UID,
	IRL_NODE,
	IRL_STATE,
	IRL_CREATED,
	IRL_CALLID,
	IRL_FROM_TAG,
	IRL_TO_TAG,
	IRL_IMPU,
	IRL_ICID,
	IRL_RECORD,
	IRL_COLUMNS
};

#define IRL_COLUMN_NAMES \
	"uid,node,state,created,callid,from_tag,to_tag,impu,icid,record"

/** The driver, and this process's connection. */
extern db_func_t irl_db;
extern db1_con_t *irl_db_con;

typedef void (*irl_take_row_f)(const struct irl_row *row);

void irl_db_set_text(db_val_t *v, db_type_t type, const str *text);
int irl_db_number(const db_val_t *v);
/** Rows of a result, to `take`. @return how many; `last` is the last one's
 * name */
int irl_db_take(db1_res_t *res, const str *node, struct irl_uid *last,
		irl_take_row_f take);

/** By statements; @return 0 or -1 */
int irl_sql_init(void);
int irl_sql_setup(int is_file);
int irl_sql_create_version(void);
int irl_sql_create(void);
int irl_sql_set_version(int version);
int irl_sql_write(const struct irl_row *rows, int n);
int irl_sql_remove(const struct irl_uid *uids, int n);
int irl_sql_read(const str *node, irl_take_row_f take);

/** @return whether there is; -1 when it cannot be said */
int irl_sql_has_table(const str *name, int is_file);
int irl_sql_has_rows(void);

/** Row by row; @return 0 or -1 */
int irl_rows_write(const struct irl_row *rows, int n);
int irl_rows_remove(const struct irl_uid *uids, int n);
int irl_rows_read(const str *node, irl_take_row_f take);

#endif
