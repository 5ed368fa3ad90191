/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file reg_register.c  REGISTERs by which users take their contacts away: those
 * that were granted */
#include "core/dprint.h"
#include "core/parser/contact/contact.h"
#include "core/parser/parse_to.h"
#include "core/trim.h"
#include "core/ut.h"
#include "modules/sl/sl.h"

#include "reg_notes.h"
#include "transaction.h"

static int is_zero(const str *seconds)
{
	str value = *seconds;
	unsigned int n;

	return str2int(&value, &n) == 0 && n == 0;
}

static int is_star(const str *contact)
{
	str value = *contact;

	trim(&value);
	return value.len == 1 && value.s[0] == '*';
}

/* Contacts of one header field. @return whether one of them is removed */
static int note_contacts(const struct hdr_field *hdr, int all)
{
	contact_t *list = NULL, *c;
	str body = hdr->body;
	int removed = 0;

	if(parse_contacts(&body, &list) < 0)
		return 0;
	for(c = list; c; c = c->next) {
		if(c->expires ? !is_zero(&c->expires->body) : !all)
			continue;
		irl_reg_note(&c->uri, IRL_END_UNREGISTERED);
		removed = 1;
	}
	free_contacts(&list);
	return removed;
}

/* All header fields are parsed. The request may be tm's shared copy: nothing of
 * this process may hang on it. */
static void on_granted(const struct sip_msg *msg)
{
	int removed = 0, all = msg->expires && is_zero(&msg->expires->body);
	const struct hdr_field *hdr;

	for(hdr = msg->contact; hdr; hdr = hdr->next) {
		if(hdr->type == HDR_CONTACT_T)
			removed |= is_star(&hdr->body) || note_contacts(hdr, all);
	}
	if(removed && msg->to && msg->to->parsed)
		irl_reg_note(&get_to(msg)->uri, IRL_END_UNREGISTERED);
}

static int is_granted(const struct sip_msg *msg, int code)
{
	return msg && msg->REQ_METHOD == METHOD_REGISTER && code >= 200
		   && code < 300;
}

static void on_response(struct cell *t, int type, struct tmcb_params *params)
{
	if(is_granted(params->req, params->code))
		on_granted(params->req);
}

/* tm has not made its copy yet: what is parsed now goes into it. */
static void on_transaction(struct cell *t, int type, struct tmcb_params *params)
{
	struct sip_msg *msg = params->req;

	if(!msg || msg->REQ_METHOD != METHOD_REGISTER
			|| parse_headers(msg, HDR_EOH_F, 0) < 0 || !msg->contact)
		return;
	if(irl_tm.register_tmcb(
			   msg, t, TMCB_RESPONSE_READY, on_response, NULL, NULL)
			<= 0)
		LM_ERR("no callback on a REGISTER: out of memory\n");
}

static void on_stateless(sl_cbp_t *reply)
{
	if(is_granted(reply->req, reply->code)
			&& parse_headers(reply->req, HDR_EOH_F, 0) == 0)
		on_granted(reply->req);
}

static int watch_stateless(void)
{
	sl_cbelem_t cb = {.type = SLCB_REPLY_READY, .cbf = on_stateless};
	sl_api_t sl;

	if(!find_export("bind_sl", 0, 0))
		return 0;
	return sl_load_api(&sl) < 0 ? -1 : sl.register_cb(&cb);
}

int irl_reg_register_init(void)
{
	if(watch_stateless() < 0
			|| irl_tm.register_tmcb(
					   NULL, NULL, TMCB_REQUEST_IN, on_transaction, NULL, NULL)
					   <= 0) {
		LM_ERR("REGISTERs cannot be watched\n");
		return -1;
	}
	return 0;
}
