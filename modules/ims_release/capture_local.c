/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture_now.h"

#include <string.h>

#include "core/parser/parse_to.h"

#include "compat.h"
#include "core_cseq.h"
#include "store.h"

static int local_tag(str header, str *tag)
{
	struct to_body body;

	/* "From: value CRLF", as tm printed it */
	while(header.len && *header.s != ':') {
		header.s++;
		header.len--;
	}
	if(!header.len)
		return -1;
	memset(&body, 0, sizeof(body));
	parse_to(header.s + 1, header.s + header.len, &body);
	if(body.error != PARSE_OK)
		return -1;
	*tag = body.tag_value;
	free_to_params(&body);
	return tag->len ? 0 : -1;
}

static str local_value(str header, int name_len)
{
	header.s += name_len;
	header.len -= name_len;
	while(header.len
			&& (header.s[header.len - 1] == '\r'
					|| header.s[header.len - 1] == '\n'))
		header.len--;
	return header;
}

void irl_on_local_request(struct cell *t, int type, struct tmcb_params *params)
{
	static const int callid_name = (int)sizeof("Call-ID: ") - 1;
	static const int cseq_name = (int)sizeof("CSeq: ") - 1;
	struct irl_session *s = NULL;
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	str callid, number, from_tag, to_tag;
	uint32_t cseq, hash;

	if(irl_transaction_sending() || t->CELL_CALLID.len <= callid_name
			|| t->CELL_CSEQ.len <= cseq_name
			|| local_tag(t->CELL_FROM, &from_tag) != 0
			|| local_tag(t->CELL_TO, &to_tag) != 0)
		return;
	callid = local_value(t->CELL_CALLID, callid_name);
	number = local_value(t->CELL_CSEQ, cseq_name);
	if(irl_cseq_parse(&number, &cseq) != 0)
		return;
	hash = irl_store_lock(&callid);
	while((s = irl_store_next(hash, &callid, s))) {
		dlg = irl_session_match(s, &from_tag, &to_tag, &leg);
		if(dlg) {
			irl_cseq_note(&dlg->leg[leg].cseq, cseq);
			irl_store_changed(s);
			break;
		}
	}
	irl_store_unlock(hash);
}
