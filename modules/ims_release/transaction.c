/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* memmem */
#include "transaction.h"

#include <string.h>

#include "core/data_lump_rpl.h"
#include "core/dset.h"
#include "core/error.h"
#include "core/forward.h"
#include "core/ip_addr.h"
#include "core/msg_translator.h"
#include "core/parser/parse_rr.h"
#include "core/pt.h"
#include "core/receive.h"

#include "own.h"
#include "stats.h"

/* Room for the Route header entries, with commas between them. */
#define ROUTES_TEXT (IRL_ROUTES_BYTES + IRL_ROUTES_MAX)

/* How long a transaction is kept after its last branch is over: T4 (RFC 3261
 * 17.1.1.2), tm's own default; what it is set to tm does not tell. */
#define WAIT_SECONDS 5

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

/* What a CANCEL says that tm sends later, when the first provisional response
 * of a branch comes. tm frees it with the transaction. */
static void keep_reason(struct cell *t, const str *header)
{
	struct cancel_reason *reason;

	reason = shm_malloc(sizeof(*reason) + (size_t)header->len);
	if(!reason)
		return; /* that CANCEL goes without */
	reason->cause = CANCEL_REAS_PACKED_HDRS;
	reason->u.packed_hdrs.s = (char *)(reason + 1);
	reason->u.packed_hdrs.len = header->len;
	memcpy(reason->u.packed_hdrs.s, header->s, (size_t)header->len);
	if(atomic_cmpxchg_long((void *)&t->uas.cancel_reas, 0, (long)reason) != 0)
		shm_free(reason);
}

/* The request of a transaction, parsed anew for this process alone: tm's own
 * copy is shared, and header lines of ours must not hang on it while another
 * process clones it. `buf` is the copy's text, to be freed. */
static int copy_request(struct cell *t, struct sip_msg *msg, char **buf)
{
	const struct sip_msg *req = t->uas.request;

	*buf = pkg_malloc((size_t)req->len);
	if(!*buf) {
		PKG_MEM_ERROR;
		return -1;
	}
	memcpy(*buf, req->buf, (size_t)req->len);
	if(build_sip_msg_from_buf(msg, *buf, (int)req->len, inc_msg_no()) < 0
			|| parse_headers(msg, HDR_EOH_F, 0) < 0) {
		pkg_free(*buf);
		return -1;
	}
	msg->rcv = req->rcv;
	msg->msg_flags = req->msg_flags;
	return 0;
}

static int reply(struct cell *t, int code, const str *header)
{
	struct sip_msg msg;
	char *buf;
	int ret = -1;

	if(copy_request(t, &msg, &buf) < 0)
		return -1;
	if(add_lump_rpl(&msg, header->s, header->len, LUMP_RPL_HDR))
		ret = irl_tm.t_reply_trans(t, &msg, (unsigned)code, error_text(code))
							  > 0
					  ? 0
					  : -1;
	free_sip_msg(&msg);
	pkg_free(buf);
	return ret;
}

/* An answered transaction is to be forgotten after another time than tm set. */
static void set_wait(struct cell *t, ticks_t ticks)
{
	if(timer_del(&t->wait_timer) < 0)
		return;
	timer_reinit(&t->wait_timer);
	timer_add(&t->wait_timer, ticks);
}

/* Branches without a final response. */
static int open_branches(const struct cell *t)
{
	int i, open = 0;

	for(i = 0; i < t->nr_of_outgoings; i++)
		open += t->uac[i].last_received < 200;
	return open;
}

void irl_transaction_branch_over(struct cell *t)
{
	/* of the branch at hand tm takes note later */
	if(open_branches(t) <= 1)
		set_wait(t, S_TO_TICKS(WAIT_SECONDS));
}

/* tm's lock on what becomes of a transaction's responses, as tm takes it; it
 * is recursive, and nobody who calls this has it. */
static void lock_replies(struct cell *t)
{
	lock_get(&t->reply_mutex);
	atomic_set(&t->reply_locker_pid, my_pid());
}

static void unlock_replies(struct cell *t)
{
	atomic_set(&t->reply_locker_pid, 0);
	lock_release(&t->reply_mutex);
}

/* The branches are taken before tm takes them, for our Reason, and cancelled
 * after the answer, so that no 487 comes before it. */
static int end_invite(struct cell *t, int code, const str *reason)
{
	struct cancel_info cancel;
	int ret;

	memset(&cancel, 0, sizeof(cancel));
	cancel.reason.cause = CANCEL_REAS_PACKED_HDRS;
	cancel.reason.u.packed_hdrs = *reason;
	keep_reason(t, reason);
	irl_tm.prepare_to_cancel(t, &cancel.cancel_bitmap, 0);
	ret = reply(t, code, reason);
	if(cancel.cancel_bitmap)
		irl_tm.cancel_uacs(t, &cancel, F_CANCEL_B_KILL);
	/* tm would forget it in seconds; its branches may take as long as any
	 * INVITE to give their first response, for the CANCEL to follow, or their
	 * last, for the ACK */
	if(open_branches(t))
		set_wait(t, MS_TO_TICKS(64 * t->rt_t1_timeout_ms));
	return ret;
}

static int end(struct cell *t, int code, const str *reason)
{
	int ret;

	if(!is_invite(t))
		return reply(t, code, reason);
	/* a first response that another process has at hand comes before all of
	 * this and is followed by our CANCEL, or after all of it and is by tm's */
	lock_replies(t);
	ret = end_invite(t, code, reason);
	unlock_replies(t);
	return ret;
}

static void leave(struct cell *t)
{
	irl_tm.unref_cell(t);
	irl_tm.t_sett(T_UNDEFINED, T_BR_UNDEFINED);
}

/* Nothing has come of this branch, over a transport that loses messages. */
static int is_silent(const struct ua_client *branch)
{
	return branch->last_received < 100 && !branch->local_cancel.buffer
		   && branch->request.buffer && branch->request.dst.proto == PROTO_UDP;
}

int irl_transaction_resend(const struct irl_transaction_id *id, int send)
{
	struct retr_buf *request;
	struct cell *t;
	int i, silent = 0;

	if(irl_tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return 0;
	for(i = 0; i < t->nr_of_outgoings; i++) {
		if(!is_silent(&t->uac[i]))
			continue;
		silent++;
		request = &t->uac[i].request;
		if(send)
			msg_send(&request->dst, request->buffer, request->buffer_len);
	}
	leave(t);
	return silent;
}

int irl_transaction_end(
		const struct irl_transaction_id *id, int code, const str *reason)
{
	struct cell *t;
	int ret = -1;

	if(irl_tm.t_lookup_ident(&t, id->index, id->label) < 0)
		return -1;
	if(t->uas.status < 200 && t->uas.request)
		ret = end(t, code, reason);
	if(ret < 0 && t->uas.status >= 200)
		ret = t->uas.status; /* another process was faster */
	leave(t);
	return ret;
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
