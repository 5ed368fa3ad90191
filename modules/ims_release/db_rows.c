/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db_driver.h"

#include <string.h>

static str names[IRL_COLUMNS] = {str_init("uid"), str_init("node"),
		str_init("state"), str_init("created"), str_init("callid"),
		str_init("from_tag"), str_init("to_tag"), str_init("impu"),
		str_init("icid"), str_init("record")};

static int remove_one(const struct irl_uid *uid)
{
	str text = {(char *)uid->s, IRL_UID_SIZE - 1};
	db_key_t key = &names[IRL_UID];
	db_val_t value;

	irl_db_set_text(&value, DB1_STR, &text);
	return irl_db.delete(irl_db_con, &key, NULL, &value, 1) < 0 ? -1 : 0;
}

static int write_one(const struct irl_row *row)
{
	str uid = {(char *)row->uid.s, IRL_UID_SIZE - 1};
	db_key_t keys[IRL_COLUMNS];
	db_val_t values[IRL_COLUMNS];
	int i;

	for(i = 0; i < IRL_COLUMNS; i++)
		keys[i] = &names[i];
	irl_db_set_text(&values[IRL_UID], DB1_STR, &uid);
	irl_db_set_text(&values[IRL_NODE], DB1_STR, &row->node);
	irl_db_set_text(&values[IRL_STATE], DB1_STR, &row->state);
	memset(&values[IRL_CREATED], 0, sizeof(values[IRL_CREATED]));
	VAL_TYPE(&values[IRL_CREATED]) = DB1_INT;
	VAL_INT(&values[IRL_CREATED]) = (int)row->created;
	irl_db_set_text(&values[IRL_CALLID], DB1_BLOB, &row->callid);
	irl_db_set_text(&values[IRL_FROM_TAG], DB1_BLOB, &row->from_tag);
	irl_db_set_text(&values[IRL_TO_TAG], DB1_BLOB, &row->to_tag);
	irl_db_set_text(&values[IRL_IMPU], DB1_BLOB, &row->impu);
	irl_db_set_text(&values[IRL_ICID], DB1_BLOB, &row->icid);
	irl_db_set_text(&values[IRL_RECORD], DB1_BLOB, &row->record);
	if(remove_one(&row->uid) < 0)
		return -1;
	return irl_db.insert(irl_db_con, keys, values, IRL_COLUMNS) < 0 ? -1 : 0;
}

int irl_rows_write(const struct irl_row *rows, int n)
{
	int i;

	for(i = 0; i < n; i++) {
		if(write_one(&rows[i]) < 0)
			return -1;
	}
	return 0;
}

int irl_rows_remove(const struct irl_uid *uids, int n)
{
	int i;

	for(i = 0; i < n; i++) {
		if(remove_one(&uids[i]) < 0)
			return -1;
	}
	return 0;
}

/* A driver that cannot fetch a result in pieces has all of it in memory. */
static int read_pieces(db1_res_t **res, const str *node, irl_take_row_f take)
{
	struct irl_uid last;

	while(irl_db.fetch_result(irl_db_con, res, IRL_PAGE_ROWS) >= 0 && *res) {
		if(irl_db_take(*res, node, &last, take) == 0)
			return 0;
	}
	return -1;
}

int irl_rows_read(const str *node, irl_take_row_f take)
{
	db_key_t keys[IRL_COLUMNS];
	db1_res_t *res = NULL;
	struct irl_uid last;
	int i, pieces = irl_db.fetch_result != NULL, err = 0;

	for(i = 0; i < IRL_COLUMNS; i++)
		keys[i] = &names[i];
	if(irl_db.query(irl_db_con, NULL, NULL, NULL, keys, 0, IRL_COLUMNS, NULL,
			   pieces ? NULL : &res)
			< 0)
		return -1;
	if(pieces)
		err = read_pieces(&res, node, take);
	else if(res)
		irl_db_take(res, node, &last, take);
	if(res)
		irl_db.free_result(irl_db_con, res);
	return err;
}
