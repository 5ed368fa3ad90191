/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dprint.h"
#include "core/sr_module.h"
#include "lib/srdb1/db.h"

#include "params.h"

/* A statement is begun anew above this, and has room for the longest row:
 * each of its bytes as two hexadecimal digits. */
#define STATEMENT_FULL (256 * 1024)
#define STATEMENT_SIZE (STATEMENT_FULL + 4 * IRL_RECORD_MAX)

/* Rows read at a time: they stand in private memory. */
#define PAGE_ROWS 100

static db_func_t db;
static db1_con_t *con;
static int is_file;	   /* SQLite */
static int speaks_sql; /* REPLACE with many rows, CREATE TABLE, LIMIT */
static char *statement;

enum column
{
	UID,
	NODE,
	STATE,
	CREATED,
	CALLID,
	FROM_TAG,
	TO_TAG,
	IMPU,
	ICID,
	RECORD,
	COLUMNS
};

#define COLUMN_NAMES \
	"uid,node,state,created,callid,from_tag,to_tag,impu,icid,record"

static str names[COLUMNS] = {str_init("uid"), str_init("node"),
		str_init("state"), str_init("created"), str_init("callid"),
		str_init("from_tag"), str_init("to_tag"), str_init("impu"),
		str_init("icid"), str_init("record")};

/* What peers choose is of any length and any bytes. */
#define CREATE_TABLE                                                          \
	"CREATE TABLE %s%.*s (uid VARCHAR(32) NOT NULL PRIMARY KEY, "             \
	"node VARCHAR(255) NOT NULL, state VARCHAR(16) NOT NULL, "                \
	"created BIGINT NOT NULL, callid BLOB NOT NULL, from_tag BLOB NOT NULL, " \
	"to_tag BLOB NOT NULL, impu BLOB NOT NULL, icid BLOB NOT NULL, "          \
	"record MEDIUMBLOB NOT NULL)"

#define CREATE_VERSION                                                     \
	"CREATE TABLE IF NOT EXISTS version (table_name VARCHAR(32) NOT NULL " \
	"PRIMARY KEY, table_version INTEGER DEFAULT 0 NOT NULL)"

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
	if(!bind || bind(&db) < 0) {
		LM_ERR("parameter db_url needs module %s: load it before ims_release\n",
				driver);
		return -1;
	}
	if(!db.query || !db.insert || !db.delete) {
		LM_ERR("module %s cannot query, insert and delete\n", driver);
		return -1;
	}
	is_file = !strcmp(driver, "db_sqlite");
	speaks_sql = is_file || !strcmp(driver, "db_mysql");
	statement = malloc(STATEMENT_SIZE);
	return statement ? 0 : -1;
}

void irl_db_close(void)
{
	if(con)
		db.close(con);
	con = NULL;
}

/* ---- statements ----------------------------------------------------------------- */

static int execute(int len)
{
	db1_res_t *res = NULL;
	str sql = {statement, len};
	/* with a result SQLite's driver executes it, without one it only
	 * prepares it */
	int err = db.raw_query(con, &sql, &res);

	if(res)
		db.free_result(con, res);
	return err < 0 ? -1 : 0;
}

int irl_db_open(void)
{
	con = db.init(&irl_params.db_url);
	if(con
			&& db.use_table(con, &irl_params.db_table) == 0
			/* somebody who reads the file makes nobody fail */
			&& (!is_file
					|| execute(sprintf(statement, "PRAGMA busy_timeout=1000"))
							   == 0))
		return 0;
	irl_db_close();
	return -1;
}

static int reconnect(void)
{
	return con ? 0 : irl_db_open();
}

/* Bytes that mean themselves between single quotes, whatever the database. */
static int is_plain(const str *text)
{
	int i;

	for(i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->s[i];

		if(c < ' ' || c > '~' || c == '\'' || c == '\\')
			return 0;
	}
	return 1;
}

static int put_literal(int at, const str *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *p = statement + at;
	int i;

	if(is_plain(text))
		return sprintf(p, "'%.*s'", text->len, text->len ? text->s : "");
	*p++ = 'X';
	*p++ = '\'';
	for(i = 0; i < text->len; i++) {
		*p++ = hex[(unsigned char)text->s[i] >> 4];
		*p++ = hex[(unsigned char)text->s[i] & 15];
	}
	*p++ = '\'';
	return (int)(p - statement) - at;
}

static int put_row(int at, const struct irl_row *row)
{
	const str *texts[] = {&row->callid, &row->from_tag, &row->to_tag,
			&row->impu, &row->icid, &row->record};
	int len = at;
	size_t i;

	len += sprintf(statement + len, "('%s',", row->uid.s);
	len += put_literal(len, &row->node);
	len += sprintf(statement + len, ",'%.*s',%u", row->state.len, row->state.s,
			row->created);
	for(i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		statement[len++] = ',';
		len += put_literal(len, texts[i]);
	}
	statement[len++] = ')';
	return len - at;
}

static int write_together(const struct irl_row *rows, int n)
{
	const str *table = &irl_params.db_table;
	int i = 0, len;

	while(i < n) {
		len = sprintf(statement, "REPLACE INTO %.*s (" COLUMN_NAMES ") VALUES ",
				table->len, table->s);
		do {
			len += put_row(len, &rows[i]);
			statement[len++] = ',';
		} while(++i < n && len < STATEMENT_FULL);
		if(execute(len - 1) < 0)
			return -1;
	}
	return 0;
}

static int remove_together(const struct irl_uid *uids, int n)
{
	const str *table = &irl_params.db_table;
	int i = 0, len;

	while(i < n) {
		len = sprintf(statement, "DELETE FROM %.*s WHERE uid IN (", table->len,
				table->s);
		do
			len += sprintf(statement + len, "'%s',", uids[i].s);
		while(++i < n && len < STATEMENT_FULL);
		statement[len - 1] = ')';
		if(execute(len) < 0)
			return -1;
	}
	return 0;
}

/* ---- any driver ------------------------------------------------------------------- */

static void set_text(db_val_t *v, db_type_t type, const str *text)
{
	memset(v, 0, sizeof(*v));
	VAL_TYPE(v) = type;
	if(type == DB1_BLOB)
		VAL_BLOB(v) = *text;
	else
		VAL_STR(v) = *text;
}

static int remove_one(const struct irl_uid *uid)
{
	str text = {(char *)uid->s, IRL_UID_SIZE - 1};
	db_key_t key = &names[UID];
	db_val_t value;

	set_text(&value, DB1_STR, &text);
	return db.delete(con, &key, NULL, &value, 1) < 0 ? -1 : 0;
}

static int write_one(const struct irl_row *row)
{
	str uid = {(char *)row->uid.s, IRL_UID_SIZE - 1};
	db_key_t keys[COLUMNS];
	db_val_t values[COLUMNS];
	int i;

	for(i = 0; i < COLUMNS; i++)
		keys[i] = &names[i];
	set_text(&values[UID], DB1_STR, &uid);
	set_text(&values[NODE], DB1_STR, &row->node);
	set_text(&values[STATE], DB1_STR, &row->state);
	memset(&values[CREATED], 0, sizeof(values[CREATED]));
	VAL_TYPE(&values[CREATED]) = DB1_INT;
	VAL_INT(&values[CREATED]) = (int)row->created;
	set_text(&values[CALLID], DB1_BLOB, &row->callid);
	set_text(&values[FROM_TAG], DB1_BLOB, &row->from_tag);
	set_text(&values[TO_TAG], DB1_BLOB, &row->to_tag);
	set_text(&values[IMPU], DB1_BLOB, &row->impu);
	set_text(&values[ICID], DB1_BLOB, &row->icid);
	set_text(&values[RECORD], DB1_BLOB, &row->record);
	if(remove_one(&row->uid) < 0)
		return -1;
	return db.insert(con, keys, values, COLUMNS) < 0 ? -1 : 0;
}

int irl_db_write(const struct irl_row *rows, int n)
{
	int i;

	if(reconnect() < 0)
		return -1;
	if(speaks_sql)
		return write_together(rows, n);
	for(i = 0; i < n; i++) {
		if(write_one(&rows[i]) < 0)
			return -1;
	}
	return 0;
}

int irl_db_remove(const struct irl_uid *uids, int n)
{
	int i;

	if(reconnect() < 0)
		return -1;
	if(speaks_sql)
		return remove_together(uids, n);
	for(i = 0; i < n; i++) {
		if(remove_one(&uids[i]) < 0)
			return -1;
	}
	return 0;
}

/* ---- the table -------------------------------------------------------------------- */

static int number_in(const db_val_t *v)
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

/* @return the version, 0 for none, -1 when it cannot be read */
static int version(void)
{
	static str table = str_init("version"), name = str_init("table_name");
	static str column = str_init("table_version");
	db_key_t key = &name, wanted = &column;
	db1_res_t *res = NULL;
	db_val_t value;
	int v = -1;

	set_text(&value, DB1_STR, &irl_params.db_table);
	if(db.use_table(con, &table) == 0
			&& db.query(con, &key, NULL, &value, &wanted, 1, 1, NULL, &res) == 0
			&& res)
		v = RES_ROW_N(res) ? number_in(ROW_VALUES(RES_ROWS(res))) : 0;
	if(res)
		db.free_result(con, res);
	db.use_table(con, &irl_params.db_table);
	return v;
}

/* A table of that name that has no version is not ours. */
static int create(const char *unless)
{
	const str *table = &irl_params.db_table;

	return execute(
			sprintf(statement, CREATE_TABLE, unless, table->len, table->s));
}

static int create_with_version(void)
{
	const str *table = &irl_params.db_table;

	if(create("") < 0)
		return -1;
	LM_INFO("table %.*s created\n", table->len, table->s);
	return execute(sprintf(statement, "INSERT INTO version (table_name,table_version) VALUES ('%.*s',%d)",
			table->len, table->s, IRL_TABLE_VERSION));
}

int irl_db_prepare(void)
{
	const str *table = &irl_params.db_table;
	int v;

	if(speaks_sql && execute(sprintf(statement, CREATE_VERSION)) < 0)
		return -1;
	v = version();
	if(v == 0 && speaks_sql)
		return create_with_version();
	if(v != IRL_TABLE_VERSION) {
		LM_ERR("table %.*s is of version %d, needed is %d\n", table->len,
				table->s, v, IRL_TABLE_VERSION);
		return -1;
	}
	return speaks_sql ? create("IF NOT EXISTS ") : 0;
}

/* ---- reading ---------------------------------------------------------------------- */

static void take_row(const db_row_t *r, struct irl_row *row)
{
	const db_val_t *v = ROW_VALUES(r);
	str uid = text_in(&v[UID]);

	memset(row, 0, sizeof(*row));
	snprintf(row->uid.s, sizeof(row->uid.s), "%.*s", uid.len, uid.s);
	row->node = text_in(&v[NODE]);
	row->state = text_in(&v[STATE]);
	row->created = (uint32_t)number_in(&v[CREATED]);
	row->callid = text_in(&v[CALLID]);
	row->record = text_in(&v[RECORD]);
}

/* @return rows, -1 when they cannot be read; `last` is the last one's name */
static int take_rows(db1_res_t *res, struct irl_uid *last,
		void (*take)(const struct irl_row *))
{
	struct irl_row row;
	int i, n = RES_ROW_N(res);

	for(i = 0; i < n; i++) {
		take_row(&RES_ROWS(res)[i], &row);
		*last = row.uid;
		take(&row);
	}
	return n;
}

/* A page of rows after a name, by it. */
static int read_page(const str *node, struct irl_uid *last,
		void (*take)(const struct irl_row *))
{
	const str *table = &irl_params.db_table;
	db1_res_t *res = NULL;
	str sql = {statement, 0};
	int n;

	sql.len = sprintf(statement,
			"SELECT " COLUMN_NAMES
			" FROM %.*s WHERE uid > '%s' AND node IN ('',",
			table->len, table->s, last->s);
	sql.len += put_literal(sql.len, node);
	sql.len +=
			sprintf(statement + sql.len, ") ORDER BY uid LIMIT %d", PAGE_ROWS);
	if(db.raw_query(con, &sql, &res) < 0 || !res)
		return -1;
	n = take_rows(res, last, take);
	db.free_result(con, res);
	return n;
}

static int is_ours(const struct irl_row *row, const str *node)
{
	return !row->node.len || irl_str_eq(&row->node, node);
}

static int read_whole(const str *node, void (*take)(const struct irl_row *))
{
	db_key_t keys[COLUMNS];
	db1_res_t *res = NULL;
	struct irl_row row;
	int i;

	for(i = 0; i < COLUMNS; i++)
		keys[i] = &names[i];
	if(db.query(con, NULL, NULL, NULL, keys, 0, COLUMNS, NULL, &res) < 0
			|| !res)
		return -1;
	for(i = 0; i < RES_ROW_N(res); i++) {
		take_row(&RES_ROWS(res)[i], &row);
		if(is_ours(&row, node))
			take(&row);
	}
	db.free_result(con, res);
	return 0;
}

int irl_db_read(const str *node, void (*take)(const struct irl_row *row))
{
	struct irl_uid last = {""};
	int n;

	if(!speaks_sql)
		return read_whole(node, take);
	do
		n = read_page(node, &last, take);
	while(n == PAGE_ROWS);
	return n < 0 ? -1 : 0;
}
