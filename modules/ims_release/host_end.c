/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_end.h"

#include <stdio.h>
#include <string.h>

#include "core/dprint.h"
#include "core/ip_addr.h"
#include "core/parser/msg_parser.h"
#include "core/pt.h"
#include "core/receive.h"
#include "core/script_cb.h"
#include "core/socket_info.h"
#include "modules/rr/api.h"

#include "core_cseq.h"
#include "core_route_set.h"
#include "transaction.h"
#include "transaction_end.h"

static struct rr_binds rr;
static int ending;

int irl_host_end_init(void)
{
	if(load_rr_api(&rr) < 0) {
		LM_ERR("rr is not loaded: load it before ims_release\n");
		return -1;
	}
	return 0;
}

int irl_host_ending(void)
{
	return ending;
}

static int put(char *buf, size_t size, int at, const char *name, const str *v)
{
	const str n = {(char *)name, (int)strlen(name)};

	if(at < 0 || (size_t)at + (size_t)n.len + (size_t)v->len > size)
		return -1;
	memcpy(buf + at, n.s, (size_t)n.len);
	memcpy(buf + at + n.len, v->s, (size_t)v->len);
	return at + n.len + v->len;
}

/* The caller's own BYE as it would come to the first pass: only that pass's
 * Record-Route carries the dialog module's mark. */
static int print_bye(const struct irl_session *s, const struct irl_dialog *dlg,
		char *buf, size_t size)
{
	static const str nowhere = str_init("sip:nowhere.invalid");
	static const str rest =
			str_init("Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
	str routes[IRL_ROUTES_MAX], number, v;
	int i, len = 0, n = irl_session_routes(s, dlg, routes);
	char digits[16], branch[32];

	v = irl_session_target(s, dlg, IRL_CALLEE);
	if(!v.len)
		v = nowhere;
	len = put(buf, size, len, "BYE ", &v);
	v.s = branch;
	v.len = snprintf(branch, sizeof(branch), "%llx", (unsigned long long)s->id);
	len = put(buf, size, len,
			" SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKimsrel", &v);
	for(i = s->pass[0].nroutes; i < n; i++)
		len = put(buf, size, len, "\r\nRoute: ", &routes[i]);
	v = irl_text_get(&s->text, s->from);
	len = put(buf, size, len, "\r\nFrom: ", &v);
	v = irl_session_tag(s, dlg, IRL_CALLER);
	len = put(buf, size, len, ";tag=", &v);
	v = irl_text_get(&s->text, dlg->to);
	len = put(buf, size, len, "\r\nTo: ", &v);
	v = irl_session_tag(s, dlg, IRL_CALLEE);
	len = put(buf, size, len, ";tag=", &v);
	v = irl_text_get(&s->text, s->callid);
	len = put(buf, size, len, "\r\nCall-ID: ", &v);
	number.s = digits;
	number.len = snprintf(digits, sizeof(digits), "%u",
			irl_cseq_use(dlg->leg[IRL_CALLER].cseq, 0));
	len = put(buf, size, len, "\r\nCSeq: ", &number);
	return put(buf, size, len, " BYE\r\n", &rest);
}

static void received_at(struct sip_msg *msg, struct socket_info *si)
{
	msg->rcv.bind_address = si;
	msg->rcv.proto = si->proto;
	msg->rcv.src_ip = si->address;
	msg->rcv.dst_ip = si->address;
	msg->rcv.src_port = si->port_no;
	msg->rcv.dst_port = si->port_no;
	msg->rcv.src_su = si->su;
}

void irl_host_end(const struct irl_session *s, const struct irl_dialog *dlg)
{
	static char buf[IRL_BLOCK_MAX + 4096];
	struct sip_msg msg;
	int len;

	if(!s->npasses || !s->pass[0].in || !dlg->answered)
		return;
	len = print_bye(s, dlg, buf, sizeof(buf));
	if(len < 0 || build_sip_msg_from_buf(&msg, buf, len, inc_msg_no()) < 0)
		return;
	received_at(&msg, s->pass[0].in);
	ending = 1;
	if(exec_pre_script_cb(&msg, REQUEST_CB_TYPE)) {
		/* the dialog module keeps its record until the transaction of the
		 * BYE is over: there must be one */
		if(rr.loose_route(&msg) > 0)
			irl_transaction_of_nobody(&msg);
		exec_post_script_cb(&msg, REQUEST_CB_TYPE);
	}
	ending = 0;
	ksr_msg_env_reset();
	msg.buf = NULL; /* not to be freed */
	free_sip_msg(&msg);
}
