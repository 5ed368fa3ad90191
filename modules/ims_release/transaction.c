/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* memmem */
#include "transaction.h"

#include <string.h>

#include "core/dset.h"
#include "core/ip_addr.h"
#include "core/parser/parse_rr.h"
#include "core/receive.h"

#include "own.h"
#include "stats.h"

/* Room for the Route header entries, with commas between them. */
#define ROUTES_TEXT (IRL_ROUTES_BYTES + IRL_ROUTES_MAX)

struct tm_binds irl_tm;

static int sending;

int irl_transaction_init(void)
{
	if(load_tm_api(&irl_tm) < 0) {
		LM_ERR("tm is not loaded: load it before ims_release\n");
		return -1;
	}
	return 0;
}

int irl_transaction_sending(void)
{
	return sending;
}

/* The Route header entries as tm wants them. Their texts stay in `text`. */
static int parse_routes(
		const struct irl_bye *bye, char *text, size_t size, rr_t **list)
{
	size_t n = 0, len;
	int i;

	*list = NULL;
	for(i = 0; i < bye->nroutes; i++) {
		len = (size_t)bye->routes[i].len;
		if(n + len + 1 > size)
			return -1;
		if(n)
			text[n++] = ',';
		memcpy(text + n, bye->routes[i].s, len);
		n += len;
	}
	return n && parse_rr_body(text, (int)n, list) < 0 ? -1 : 0;
}

/* The branch of the topmost Via, which tm has just printed. */
static void own_branch(const struct retr_buf *rb, char branch[IRL_BRANCH_SIZE])
{
	static const char mark[] = ";branch=";
	const char *p, *end = rb->buffer + rb->buffer_len;
	size_t n = 0;

	p = memmem(rb->buffer, (size_t)rb->buffer_len, mark, sizeof(mark) - 1);
	if(p) {
		for(p += sizeof(mark) - 1; p < end && !strchr("; \r\n", *p); p++) {
			if(n < IRL_BRANCH_SIZE - 1)
				branch[n++] = *p;
		}
	}
	branch[n] = '\0';
}

/* Our own address may be advertised as one that leads elsewhere: what is to
 * enter here goes to the socket itself, retransmissions too. */
static void send_to_socket(struct retr_buf *rb, struct socket_info *si)
{
	init_su(&rb->dst.to, &si->address, si->port_no);
	rb->dst.proto = si->proto;
	rb->dst.send_sock = si;
	rb->dst.id = 0;
}

/* Room for a Request-URI from which its alias was taken, and for the latter. */
struct alias
{
	char target[MAX_URI_SIZE], hop[MAX_URI_SIZE];
};

/* Without a route set the next hop is the target; where nathelper has put the
 * real source of a client into it, that is. */
static void resolve_alias(dlg_t *dlg, struct alias *a)
{
	str target = {a->target, sizeof(a->target)};
	str hop = {a->hop, sizeof(a->hop)};

	if(uri_restore_rcv_alias(&dlg->rem_target, &target, &hop) < 0 || !hop.len)
		return;
	dlg->rem_target = target;
	dlg->dst_uri = hop;
}

static int prepare(uac_req_t *req, const struct irl_bye *bye,
		struct irl_prepared *prepared)
{
	int ret;

	sending = 1;
	ret = irl_tm.prepare_request_within(req, &prepared->buffer);
	sending = 0;
	if(ret <= 0 || !prepared->buffer)
		return -1;
	if(bye->enters_here && bye->socket)
		send_to_socket(prepared->buffer, bye->socket);
	own_branch(prepared->buffer, prepared->own.branch);
	irl_own_mark(&prepared->own, bye, &req->dialog->rem_target);
	return 0;
}

/* The dialog as tm wants it. `routes` and `alias` hold what it points to. */
static int fill_dialog(const struct irl_bye *bye, dlg_t *dlg, char *routes,
		size_t size, struct alias *alias)
{
	memset(dlg, 0, sizeof(*dlg));
	dlg->id.call_id = bye->callid;
	dlg->id.loc_tag = bye->from_tag;
	dlg->id.rem_tag = bye->to_tag;
	dlg->loc_uri = bye->from_value;
	dlg->rem_uri = bye->to_value;
	dlg->rem_target = bye->request_uri;
	dlg->loc_seq.value = bye->cseq;
	dlg->loc_seq.is_set = 1;
	dlg->state = DLG_CONFIRMED;
	dlg->send_sock = bye->socket;
	if(parse_routes(bye, routes, size, &dlg->route_set) < 0)
		return -1;
	if(!dlg->route_set)
		resolve_alias(dlg, alias);
	return 0;
}

int irl_transaction_bye(const struct irl_bye *bye, const str *headers,
		transaction_cb *answered, void *param, struct irl_prepared *prepared)
{
	static str method = str_init("BYE");
	char routes[ROUTES_TEXT];
	struct alias alias;
	str lines = *headers;
	uac_req_t req;
	dlg_t dlg;
	int ret;

	memset(prepared, 0, sizeof(*prepared));
	if(fill_dialog(bye, &dlg, routes, sizeof(routes), &alias) < 0)
		return -1;
	dlg.loc_seq.value--; /* tm adds one */
	set_uac_req(&req, &method, &lines, NULL, &dlg, TMCB_LOCAL_COMPLETED,
			answered, param);
	ret = prepare(&req, bye, prepared);
	free_rr(&dlg.route_set);
	return ret;
}

int irl_transaction_ack(const struct irl_bye *ack)
{
	static str method = str_init("ACK");
	char routes[ROUTES_TEXT];
	struct alias alias;
	uac_req_t req;
	dlg_t dlg;
	int ret;

	if(fill_dialog(ack, &dlg, routes, sizeof(routes), &alias) < 0)
		return -1;
	set_uac_req(&req, &method, NULL, NULL, &dlg, 0, NULL, NULL);
	sending = 1;
	ret = irl_tm.t_request_within(&req);
	sending = 0;
	free_rr(&dlg.route_set);
	return ret < 0 ? -1 : 0;
}

int irl_transaction_known(struct sip_msg *rpl)
{
	int branch;

	if(irl_tm.t_check(rpl, &branch) <= 0)
		return 0;
	/* tm will look for it again */
	irl_tm.t_unref(rpl);
	return 1;
}

void irl_transaction_send(struct irl_prepared *prepared)
{
	irl_tm.send_prepared_request(prepared->buffer);
	irl_stat_inc(byes_sent);
}

void irl_transaction_481(struct sip_msg *msg)
{
	static char phrase[] = "Call/Transaction Does Not Exist";

	if(irl_tm.t_newtran(msg) > 0) {
		irl_tm.t_reply(msg, 481, phrase);
		irl_stat_inc(answered_481);
	}
	/* the callback after the script, in which tm does it, will not run */
	irl_tm.t_unref(msg);
}
