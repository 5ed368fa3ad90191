/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rpc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/socket_info.h"

#include "arguments.h"
#include "core_cseq.h"
#include "core_route_set.h"
#include "event_route.h"
#include "job.h"
#include "msg.h"
#include "params.h"
#include "replica.h"
#include "rpc_jobs.h"
#include "rpc_scan.h"
#include "selector_parse.h"
#include "snapshot.h"
#include "store.h"
#include "worker.h"

#define LIST_LIMIT 50

#define SELECTOR                 \
	{"selector", IRL_SELECTORS}, \
	{                            \
		"value", "text"          \
	}
#define SELECTOR_EXPECTED \
	"SELECTOR VALUE expected, selector is one of " IRL_SELECTORS

#define RELEASE_USAGE "SELECTOR VALUE [CAUSE [TEXT [REASON]]]"
#define LIST_USAGE "SELECTOR VALUE [OFFSET [LIMIT]]"
#define SHOW_USAGE "SELECTOR VALUE"
#define TAKEOVER_USAGE "NODE"

static const struct irl_rpc_args release_args = {RELEASE_USAGE, 2,
		SELECTOR_EXPECTED,
		{SELECTOR, {"cause", IRL_CAUSE_RANGE}, {"text", IRL_TEXT_RANGE},
				{"reason", IRL_OTHERS_RANGE}}};
static const struct irl_rpc_args list_args = {
		LIST_USAGE, 2, SELECTOR_EXPECTED, {SELECTOR, IRL_RPC_PAGE}};
static const struct irl_rpc_args show_args = {
		SHOW_USAGE, 2, SELECTOR_EXPECTED, {SELECTOR}};
static const struct irl_rpc_args takeover_args = {TAKEOVER_USAGE, 1,
		"NODE expected, as its dmq server_address says",
		{{"node", "another node's dmq server_address"}}};

/* The arguments, SELECTOR VALUE first. @return how many, -1 with a fault sent */
static int scan_selector(rpc_t *rpc, void *ctx, const struct irl_rpc_args *args,
		str value[IRL_RPC_ARGS], struct irl_selector *sel)
{
	char error[IRL_ERROR_SIZE];
	int n = irl_rpc_scan(rpc, ctx, args, value);

	if(n < 0 || irl_selector_parse(&value[0], &value[1], sel, error) == 0)
		return n;
	rpc->fault(ctx, 400, "%s", error);
	return -1;
}

/* Ids of what the selector means; with a fault sent, -1. */
static long select_ids(
		rpc_t *rpc, void *ctx, const struct irl_selector *sel, uint64_t **ids)
{
	long n = irl_selector_ids(sel, ids);

	if(n < 0)
		rpc->fault(ctx, 500, "out of memory");
	return n;
}

static int names_one(const struct irl_selector *sel)
{
	return sel->kind == IRL_SEL_CALLID || sel->kind == IRL_SEL_ID;
}

static const char *release_doc[] = {"Release sessions: " RELEASE_USAGE, NULL};

static void rpc_release(rpc_t *rpc, void *ctx)
{
	struct irl_selector sel;
	char error[IRL_ERROR_SIZE];
	uint64_t *ids = NULL;
	str arg[IRL_RPC_ARGS];
	struct irl_reason reason;
	uint32_t job;
	int args;
	long n;
	void *reply;

	args = scan_selector(rpc, ctx, &release_args, arg, &sel);
	if(args < 0)
		return;
	if(irl_argument_cause(args > 2 ? &arg[2] : NULL, &reason.cause, error)
			|| irl_argument_text(args > 3 ? &arg[3] : NULL, &reason.text, error)
			|| irl_argument_reason(
					args > 4 ? &arg[4] : NULL, &reason.others, error)) {
		rpc->fault(ctx, 400, "%s", error);
		return;
	}
	n = select_ids(rpc, ctx, &sel, &ids);
	if(n < 0)
		return;
	if(!n && names_one(&sel)) {
		rpc->fault(ctx, 404, "no such session");
		return;
	}
	job = irl_job_start(&sel, ids, n, &reason);
	free(ids);
	if(!job)
		rpc->fault(ctx, 500, "out of shared memory");
	else if(rpc->add(ctx, "{", &reply) >= 0)
		rpc->struct_add(reply, "dd", "job", (int)job, "matched", (int)n);
}

/* ---- sessions -------------------------------------------------------------------- */

static struct irl_snapshot snap;

static int snapshot_of(uint64_t id)
{
	struct irl_session *s = irl_store_get(id);

	if(!s)
		return -1;
	irl_snapshot_take(&snap, s, s->current);
	irl_store_unlock(s->hash);
	return 0;
}

static void add_text(rpc_t *rpc, void *to, char *name, struct irl_text text)
{
	str v = irl_snapshot_text(&snap, text);

	rpc->struct_add(to, "S", name, &v);
}

static void add_id(rpc_t *rpc, void *to)
{
	char id[IRL_ID_SIZE];

	rpc->struct_add(to, "s", "id", irl_id_print(snap.s.id, id));
	add_text(rpc, to, "callid", snap.s.callid);
	rpc->struct_add(to, "ss", "state",
			irl_state_name((enum irl_state)snap.s.state), "served",
			irl_side_name(irl_session_served(&snap.s)));
	add_text(rpc, to, "impu", snap.s.impu);
}

static void add_parties(rpc_t *rpc, void *to)
{
	add_text(rpc, to, "from", snap.s.from);
	add_text(rpc, to, "to", snap.dlg.answered ? snap.dlg.to : snap.s.to);
	rpc->struct_add(to, "d", "age", (int)(time(NULL) - snap.s.created));
}

/* What may be in one reply: kamcmd reads 128 KiB, and a datagram takes about
 * as much. */
#define PAGE_BYTES (96 * 1024)
/* What an entry of the list takes besides its longest texts. */
#define ENTRY_BYTES 170

/* In JSON, where more are escaped than elsewhere. */
static int text_bytes(struct irl_text text)
{
	str v = irl_snapshot_text(&snap, text);
	int i, n = v.len;

	for(i = 0; i < v.len; i++)
		n += v.s[i] == '"' || v.s[i] == '\\' ? 1
			 : (unsigned char)v.s[i] < 0x20	 ? 5
											 : 0;
	return n;
}

static int entry_bytes(void)
{
	return ENTRY_BYTES + text_bytes(snap.s.callid) + text_bytes(snap.s.impu)
		   + text_bytes(snap.s.from)
		   + text_bytes(snap.dlg.answered ? snap.dlg.to : snap.s.to);
}

static const char *list_doc[] = {
		"List sessions, the dry run of release: " LIST_USAGE, NULL};

static void rpc_list(rpc_t *rpc, void *ctx)
{
	struct irl_selector sel;
	uint64_t *ids = NULL;
	str arg[IRL_RPC_ARGS];
	long n, i, offset, limit = LIST_LIMIT, bytes = 0;
	void *reply, *list, *item;
	int args = scan_selector(rpc, ctx, &list_args, arg, &sel);

	if(args < 0
			|| irl_rpc_page(rpc, ctx, &arg[2], args - 2, &offset, &limit) < 0)
		return;
	n = select_ids(rpc, ctx, &sel, &ids);
	if(n < 0)
		return;
	if(rpc->add(ctx, "{", &reply) >= 0
			&& rpc->struct_add(reply, "dd[", "matched", (int)n, "offset",
					   (int)offset, "sessions", &list)
					   >= 0) {
		for(i = offset; i < n && i < offset + limit; i++) {
			if(snapshot_of(ids[i]) < 0)
				continue;
			/* one there must be, else nobody would get further */
			if(bytes && bytes + entry_bytes() > PAGE_BYTES)
				break;
			bytes += entry_bytes();
			if(rpc->array_add(list, "{", &item) < 0)
				break;
			add_id(rpc, item);
			add_parties(rpc, item);
		}
	}
	free(ids);
}

static void add_leg(rpc_t *rpc, void *to, enum irl_leg_id leg)
{
	const struct irl_pass *entry = irl_session_entry(&snap.s, &snap.dlg, NULL);
	const struct socket_info *si = NULL;
	str all[IRL_ROUTES_MAX], routes[IRL_ROUTES_MAX];
	str tag = irl_session_tag(&snap.s, &snap.dlg, leg);
	str contact = irl_session_target(&snap.s, &snap.dlg, leg);
	str sock = {"", 0};
	void *leg_reply, *list;
	int n, own, i;

	n = irl_session_routes(&snap.s, &snap.dlg, all);
	own = entry ? irl_routes_own(all, n, entry->nroutes, irl_route_is_own) : 0;
	n = irl_routes_towards(all, n, entry ? entry->nroutes : 0, own,
			leg == IRL_CALLEE, 0, routes);
	if(entry)
		si = leg == IRL_CALLER ? entry->in : entry->out;
	if(si)
		sock = si->sock_str;
	if(rpc->struct_add(
			   to, "{", leg == IRL_CALLER ? "caller" : "callee", &leg_reply)
			< 0)
		return;
	rpc->struct_add(leg_reply, "SdS[", "tag", &tag, "cseq",
			(int)irl_cseq_highest(snap.dlg.leg[leg].cseq), "contact", &contact,
			"routes", &list);
	for(i = 0; i < n; i++)
		rpc->array_add(list, "S", &routes[i]);
	rpc->struct_add(leg_reply, "S", "socket", &sock);
}

static const char *show_doc[] = {
		"Show the one session that matches: " SHOW_USAGE, NULL};

static void rpc_show(rpc_t *rpc, void *ctx)
{
	struct irl_selector sel;
	uint64_t *ids = NULL;
	str arg[IRL_RPC_ARGS];
	void *reply;
	long n;

	if(scan_selector(rpc, ctx, &show_args, arg, &sel) < 0)
		return;
	sel.replicas = 1;
	n = select_ids(rpc, ctx, &sel, &ids);
	if(n == 1 && snapshot_of(ids[0]) < 0)
		n = 0;
	free(ids);
	if(n == 0)
		rpc->fault(ctx, 404, "no such session");
	if(n > 1)
		rpc->fault(ctx, 409, "%ld sessions match", n);
	if(n != 1 || rpc->add(ctx, "{", &reply) < 0)
		return;
	add_id(rpc, reply);
	add_text(rpc, reply, "icid", snap.s.icid);
	if(snap.s.owner.len)
		add_text(rpc, reply, "owner", snap.s.owner);
	add_parties(rpc, reply);
	if(snap.s.expires)
		rpc->struct_add(
				reply, "d", "expires", (int)(snap.s.expires - irl_clock()));
	add_leg(rpc, reply, IRL_CALLER);
	add_leg(rpc, reply, IRL_CALLEE);
}

/* ---- nodes ----------------------------------------------------------------------- */

static const char *takeover_doc[] = {
		"Own the sessions of another node from now on: " TAKEOVER_USAGE, NULL};

static void rpc_takeover(rpc_t *rpc, void *ctx)
{
	void *reply;
	str arg[IRL_RPC_ARGS];
	long n;

	if(!irl_params.replicate) {
		rpc->fault(ctx, 400, "parameter replicate is 0");
		return;
	}
	if(irl_rpc_scan(rpc, ctx, &takeover_args, arg) < 0)
		return;
	n = irl_replica_takeover(&arg[0]);
	if(n < 0)
		rpc->fault(ctx, 404, "no such other node");
	else if(rpc->add(ctx, "{", &reply) >= 0)
		rpc->struct_add(reply, "d", "sessions", (int)n);
}

rpc_export_t irl_rpc[] = {{"ims_release.release", rpc_release, release_doc, 0},
		{"ims_release.list", rpc_list, list_doc, 0},
		{"ims_release.show", rpc_show, show_doc, 0},
		{"ims_release.jobs", irl_rpc_jobs, irl_jobs_doc, RET_ARRAY},
		{"ims_release.job", irl_rpc_job, irl_job_doc, 0},
		{"ims_release.cancel", irl_rpc_cancel, irl_cancel_doc, 0},
		{"ims_release.rate", irl_rpc_rate, irl_rate_doc, 0},
		{"ims_release.takeover", rpc_takeover, takeover_doc, 0},
		{NULL, NULL, NULL, 0}};
