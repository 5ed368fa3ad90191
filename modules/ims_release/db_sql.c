/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"

/* A statement is begun anew above this, and has room for the longest row:
 * each of its bytes as two hexadecimal digits. */
#define STATEMENT_FULL (256 * 1024)
#define STATEMENT_SIZE (STATEMENT_FULL + 4 * IRL_RECORD_MAX)

static char *statement;

/* What peers choose is of any length and any bytes. */
#define CREATE_TABLE                                                          \
	"CREATE TABLE %.*s (uid VARCHAR(32) NOT NULL PRIMARY KEY, "               \
	"node VARCHAR(255) NOT NULL, state VARCHAR(16) NOT NULL, "                \
	"created BIGINT NOT NULL, callid BLOB NOT NULL, from_tag BLOB NOT NULL, " \
	"to_tag BLOB NOT NULL, impu BLOB NOT NULL, icid BLOB NOT NULL, "          \
	"record MEDIUMBLOB NOT NULL)"

#define CREATE_VERSION                                                     \
	"CREATE TABLE IF NOT EXISTS version (table_name VARCHAR(32) NOT NULL " \
	"PRIMARY KEY, table_version INTEGER DEFAULT 0 NOT NULL)"

int irl_sql_init(void)
{
	statement = malloc(STATEMENT_SIZE);
	return statement ? 0 : -1;
}

/* ---- statements ----------------------------------------------------------------- */

static int execute(int len)
{
	db1_res_t *res = NULL;
	str sql = {statement, len};
	/* with a result SQLite's driver executes it, without one it only
	 * prepares it */
	int err = irl_db.raw_query(irl_db_con, &sql, &res);

	if(res)
		irl_db.free_result(irl_db_con, res);
	return err < 0 ? -1 : 0;
}

int irl_sql_setup(int is_file)
{
	/* somebody who reads the file makes nobody fail */
	return is_file ? execute(sprintf(statement, "PRAGMA busy_timeout=1000"))
				   : 0;
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

int irl_sql_write(const struct irl_row *rows, int n)
{
	const str *table = &irl_params.db_table;
	int i = 0, len;

	while(i < n) {
		len = sprintf(statement,
				"REPLACE INTO %.*s (" IRL_COLUMN_NAMES ") VALUES ", table->len,
				table->s);
		do {
			len += put_row(len, &rows[i]);
			statement[len++] = ',';
		} while(++i < n && len < STATEMENT_FULL);
		if(execute(len - 1) < 0)
			return -1;
	}
	return 0;
}

int irl_sql_remove(const struct irl_uid *uids, int n)
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

/* ---- the table -------------------------------------------------------------------- */

int irl_sql_create_version(void)
{
	return execute(sprintf(statement, CREATE_VERSION));
}

int irl_sql_create(void)
{
	const str *table = &irl_params.db_table;

	return execute(sprintf(statement, CREATE_TABLE, table->len, table->s));
}

int irl_sql_set_version(int version)
{
	const str *table = &irl_params.db_table;

	return execute(sprintf(statement,
			"INSERT INTO version (table_name,table_version) VALUES "
			"('%.*s',%d)",
			table->len, table->s, version));
}

/* @return whether the statement has a row, -1 when it fails */
static int has_row(int len)
{
	db1_res_t *res = NULL;
	str sql = {statement, len};
	int has;

	if(irl_db.raw_query(irl_db_con, &sql, &res) < 0 || !res)
		return -1;
	has = RES_ROW_N(res) > 0;
	irl_db.free_result(irl_db_con, res);
	return has;
}

int irl_sql_has_table(const str *name, int is_file)
{
	return has_row(sprintf(statement,
			is_file ? "SELECT name FROM sqlite_master WHERE name = '%.*s'"
					: "SELECT table_name FROM information_schema.tables WHERE "
					  "table_schema = DATABASE() AND table_name = '%.*s'",
			name->len, name->s));
}

int irl_sql_has_rows(void)
{
	const str *table = &irl_params.db_table;

	return has_row(sprintf(
			statement, "SELECT uid FROM %.*s LIMIT 1", table->len, table->s));
}

/* ---- reading ---------------------------------------------------------------------- */

/* A page of rows after a name, by it. */
static int read_page(const str *node, struct irl_uid *last,
		void (*take)(const struct irl_row *))
{
	const str *table = &irl_params.db_table;
	db1_res_t *res = NULL;
	str sql = {statement, 0};
	int n;

	sql.len = sprintf(statement,
			"SELECT " IRL_COLUMN_NAMES
			" FROM %.*s WHERE uid > '%s' AND node IN ('',",
			table->len, table->s, last->s);
	sql.len += put_literal(sql.len, node);
	sql.len += sprintf(
			statement + sql.len, ") ORDER BY uid LIMIT %d", IRL_PAGE_ROWS);
	if(irl_db.raw_query(irl_db_con, &sql, &res) < 0 || !res)
		return -1;
	n = irl_db_take(res, node, last, take);
	irl_db.free_result(irl_db_con, res);
	return n;
}

int irl_sql_read(const str *node, irl_take_row_f take)
{
	struct irl_uid last = {""};
	int n;

	do
		n = read_page(node, &last, take);
	while(n == IRL_PAGE_ROWS);
	return n < 0 ? -1 : 0;
}
