/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db.h"

#include <stdio.h>
#include <string.h>

#include "core/dprint.h"
#include "core/sr_module.h"

#include "db_driver.h"
#include "params.h"

db_func_t irl_db;
db1_con_t *irl_db_con;

static int is_file;	   /* SQLite */
static int speaks_sql; /* REPLACE with many rows, CREATE TABLE, LIMIT */

/* ---- connection ----------------------------------------------------------------- */

int irl_db_bind(void)
{
	char driver[64];
	int len = 0;
	str *url = &irl_params.db_url;
	db_bind_api_f bind;

	while(len < url->len && url->s[len] != ':')
		len++;
	snprintf(driver, sizeof(driver), "db_%.*s", len, url->s);
	bind = (db_bind_api_f)find_mod_export(driver, "db_bind_api", 0, 0);
	if(!bind || bind(&irl_db) < 0) {
		LM_ERR("parameter db_url needs module %s: load it before ims_release\n",
				driver);
		return -1;
	}
	if(!irl_db.query || !irl_db.insert || !irl_db.delete) {
		LM_ERR("module %s cannot query, insert and delete\n", driver);
		return -1;
	}
	is_file = !strcmp(driver, "db_sqlite");
	speaks_sql = is_file || !strcmp(driver, "db_mysql");
	return irl_sql_init();
}

void irl_db_close(void)
{
	if(irl_db_con)
		irl_db.close(irl_db_con);
	irl_db_con = NULL;
}

int irl_db_open(void)
{
	irl_db_con = irl_db.init(&irl_params.db_url);
	if(irl_db_con && irl_db.use_table(irl_db_con, &irl_params.db_table) == 0
			&& irl_sql_setup(is_file) == 0)
		return 0;
	irl_db_close();
	return -1;
}

static int is_open(void)
{
	return irl_db_con || irl_db_open() == 0;
}

int irl_db_write(const struct irl_row *rows, int n)
{
	if(!is_open())
		return -1;
	return speaks_sql ? irl_sql_write(rows, n) : irl_rows_write(rows, n);
}

int irl_db_remove(const struct irl_uid *uids, int n)
{
	if(!is_open())
		return -1;
	return speaks_sql ? irl_sql_remove(uids, n) : irl_rows_remove(uids, n);
}

int irl_db_read(const str *node, void (*take)(const struct irl_row *row))
{
	return speaks_sql ? irl_sql_read(node, take) : irl_rows_read(node, take);
}

/* ---- values --------------------------------------------------------------------- */

void irl_db_set_text(db_val_t *v, db_type_t type, const str *text)
{
	memset(v, 0, sizeof(*v));
	VAL_TYPE(v) = type;
	if(type == DB1_BLOB)
		VAL_BLOB(v) = *text;
	else
		VAL_STR(v) = *text;
}

int irl_db_number(const db_val_t *v)
{
	return VAL_NULL(v)					? 0
		   : VAL_TYPE(v) == DB1_BIGINT	? (int)VAL_BIGINT(v)
		   : VAL_TYPE(v) == DB1_UBIGINT ? (int)VAL_UBIGINT(v)
		   : VAL_TYPE(v) == DB1_DOUBLE	? (int)VAL_DOUBLE(v)
										: VAL_INT(v);
}

static str text_in(const db_val_t *v)
{
	str text = {"", 0};

	if(VAL_NULL(v))
		return text;
	if(VAL_TYPE(v) == DB1_STRING) {
		text.s = (char *)VAL_STRING(v);
		text.len = text.s ? (int)strlen(text.s) : 0;
	} else if(VAL_TYPE(v) == DB1_STR || VAL_TYPE(v) == DB1_BLOB)
		text = VAL_TYPE(v) == DB1_STR ? VAL_STR(v) : VAL_BLOB(v);
	return text;
}

static void take_row(const db_row_t *r, struct irl_row *row)
{
	const db_val_t *v = ROW_VALUES(r);
	str uid = text_in(&v[IRL_UID]);

	memset(row, 0, sizeof(*row));
	snprintf(row->uid.s, sizeof(row->uid.s), "%.*s", uid.len, uid.s);
	row->node = text_in(&v[IRL_NODE]);
	row->state = text_in(&v[IRL_STATE]);
	row->created = (uint32_t)irl_db_number(&v[IRL_CREATED]);
	row->callid = text_in(&v[IRL_CALLID]);
	row->record = text_in(&v[IRL_RECORD]);
}

static int is_ours(const struct irl_row *row, const str *node)
{
	return !row->node.len || irl_str_eq(&row->node, node);
}

int irl_db_take(db1_res_t *res, const str *node, struct irl_uid *last,
		irl_take_row_f take)
{
	struct irl_row row;
	int i, n = RES_ROW_N(res);

	for(i = 0; i < n; i++) {
		take_row(&RES_ROWS(res)[i], &row);
		*last = row.uid;
		if(is_ours(&row, node))
			take(&row);
	}
	return n;
}

/* ---- the table -------------------------------------------------------------------- */

/* @return the version, 0 for none, -1 when it cannot be read */
static int version(void)
{
	static str table = str_init("version"), name = str_init("table_name");
	static str column = str_init("table_version");
	db_key_t key = &name, wanted = &column;
	db1_res_t *res = NULL;
	db_val_t value;
	int v = -1;

	irl_db_set_text(&value, DB1_STR, &irl_params.db_table);
	if(irl_db.use_table(irl_db_con, &table) == 0
			&& irl_db.query(irl_db_con, &key, NULL, &value, &wanted, 1, 1, NULL,
					   &res)
					   == 0
			&& res)
		v = RES_ROW_N(res) ? irl_db_number(ROW_VALUES(RES_ROWS(res))) : 0;
	if(res)
		irl_db.free_result(irl_db_con, res);
	irl_db.use_table(irl_db_con, &irl_params.db_table);
	return v;
}

static int create(int v)
{
	const str *table = &irl_params.db_table;

	if(irl_sql_create() < 0)
		return -1;
	LM_INFO("table %.*s created\n", table->len, table->s);
	return v ? 0 : irl_sql_set_version(IRL_TABLE_VERSION);
}

static int check_version(int v, int there)
{
	const str *table = &irl_params.db_table;

	if(v == IRL_TABLE_VERSION || (v == 0 && !there))
		return 0;
	if(v > 0)
		LM_ERR("table %.*s is of version %d, needed is %d\n", table->len,
				table->s, v, IRL_TABLE_VERSION);
	else if(v == 0)
		LM_ERR("table %.*s has no row in table version: it is not ours\n",
				table->len, table->s);
	return -1;
}

/* A driver whose SQL is not known gets a table that somebody has made. */
int irl_db_prepare(void)
{
	static const str versions = str_init("version");
	int there = 1, v;

	if(!is_open())
		return -1;
	if(speaks_sql) {
		there = irl_sql_has_table(&versions, is_file);
		if(there < 0 || (!there && irl_sql_create_version() < 0))
			return -1;
		there = irl_sql_has_table(&irl_params.db_table, is_file);
	}
	v = version();
	if(there < 0 || v < 0 || check_version(v, there) < 0)
		return -1;
	return there ? 0 : create(v);
}

int irl_db_has_rows(void)
{
	return speaks_sql ? irl_sql_has_rows() : 1;
}
