/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_bye.h"

#include <errno.h>
#include <string.h>

#include "core_cseq.h"
#include "core_uri.h"

static int item_of(enum irl_side serves, enum irl_leg_id to)
{
	if(serves == IRL_ORIG)
		return to == IRL_CALLEE ? 1 : 2;
	return to == IRL_CALLEE ? 3 : 4;
}

/* Items 1 and 4 pass through service control, 2 and 3 go straight. */
static int item_is_serviced(int item)
{
	return item == 1 || item == 4;
}

/* All that does not depend on the way: whom it is for, whom it is from. */
static int address(const struct irl_session *s, const struct irl_dialog *dlg,
		enum irl_leg_id to, uint32_t rnd, struct irl_bye *bye)
{
	enum irl_leg_id from = to == IRL_CALLER ? IRL_CALLEE : IRL_CALLER;
	const struct irl_reason reason = irl_release_reason(s->release);
	str caller = irl_text_get(&s->text, s->from);
	str callee = irl_text_get(&s->text, dlg->to);
	str target = irl_session_target(s, dlg, to);

	if(!callee.len)
		callee = irl_text_get(&s->text, s->to);
	memset(bye, 0, sizeof(*bye));
	if(!dlg->answered || !target.len || (dlg->lost && to == IRL_CALLEE))
		return ENOENT;
	bye->request_uri =
			irl_uri_for_request(&target, bye->target, sizeof(bye->target));
	bye->to = to;
	bye->to_value = to == IRL_CALLEE ? callee : caller;
	bye->from_value = to == IRL_CALLEE ? caller : callee;
	bye->to_tag = irl_session_tag(s, dlg, to);
	bye->from_tag = irl_session_tag(s, dlg, from);
	bye->callid = irl_text_get(&s->text, s->callid);
	bye->cseq = irl_cseq_use(dlg->leg[from].cseq, rnd);
	bye->reason.s = bye->buf;
	bye->reason.len =
			(int)irl_reason_print(bye->buf, sizeof(bye->buf), &reason);
	return 0;
}

/* Where our Record-Route of a pass stands in the list; where the INVITE did not
 * say, the one of the served user's side. */
static int own_place(const struct irl_pass *pass, enum irl_side serves,
		const str *routes, int n, irl_is_own_f is_own)
{
	int i, own, at = -1;

	if(pass->nroutes < IRL_ROUTES_UNKNOWN)
		return pass->nroutes;
	for(i = 0; i < n; i += own ? own : 1) {
		own = irl_routes_own(routes, n, i, is_own);
		if(own && (at < 0 || serves == IRL_TERM))
			at = i;
	}
	return at;
}

int irl_bye_build(const struct irl_session *s, const struct irl_dialog *dlg,
		enum irl_leg_id to, const struct irl_bye_policy *policy,
		struct irl_bye *bye)
{
	enum irl_side serves;
	const struct irl_pass *entry = irl_session_entry(s, dlg, &serves);
	str routes[IRL_ROUTES_MAX];
	int n, at, own;

	if(address(s, dlg, to, policy->rnd, bye) != 0 || !entry)
		return ENOENT;
	n = irl_session_routes(s, dlg, routes);
	at = own_place(entry, serves, routes, n, policy->is_own);
	if(at < 0 || (dlg->lost && n < at))
		return ENOENT;
	own = irl_routes_own(routes, n, at, policy->is_own);
	bye->item = item_of(serves, to);
	bye->enters_here =
			policy->service_control && own > 0 && item_is_serviced(bye->item);
	bye->nroutes = irl_routes_towards(routes, n, at, own, to == IRL_CALLEE,
			bye->enters_here, bye->routes);
	/* what enters here comes from the other party's side of the pass */
	bye->socket =
			(to == IRL_CALLER) != bye->enters_here ? entry->in : entry->out;
	return 0;
}

/* The way from a pass outwards. @return 0, or ENOENT when it cannot be told */
static int way_from(const struct irl_session *s, const struct irl_dialog *dlg,
		const struct irl_pass *from, enum irl_side serves,
		const struct irl_bye_policy *policy, struct irl_bye *bye)
{
	str routes[IRL_ROUTES_MAX];
	int n = irl_session_routes(s, dlg, routes), own;
	int at = own_place(from, serves, routes, n, policy->is_own);

	if(at < 0)
		return ENOENT;
	own = irl_routes_own(routes, n, at, policy->is_own);
	bye->nroutes = irl_routes_towards(
			routes, n, at, own, bye->to == IRL_CALLEE, 0, bye->routes);
	bye->socket = bye->to == IRL_CALLEE ? from->out : from->in;
	return 0;
}

/* The pass next to a party, of those that the dialog went through. */
static const struct irl_pass *pass_next_to(const struct irl_session *s,
		const struct irl_dialog *dlg, enum irl_leg_id to)
{
	const struct irl_pass *pass = NULL;
	int i;

	for(i = 0; i < s->npasses; i++) {
		if(dlg->passes && !(dlg->passes & (1u << i)))
			continue;
		if(!pass || to == IRL_CALLEE)
			pass = &s->pass[i];
	}
	return pass;
}

int irl_bye_build_straight(const struct irl_session *s,
		const struct irl_dialog *dlg, enum irl_leg_id to,
		const struct irl_bye_policy *policy, struct irl_bye *bye)
{
	const struct irl_pass *from = pass_next_to(s, dlg, to);

	if(!from || address(s, dlg, to, policy->rnd, bye) != 0)
		return ENOENT;
	return way_from(
			s, dlg, from, to == IRL_CALLEE ? IRL_TERM : IRL_ORIG, policy, bye);
}

int irl_bye_build_for_caller(const struct irl_session *s,
		const struct irl_dialog *dlg, const struct irl_pass *from,
		const struct irl_bye_policy *policy, struct irl_bye *bye)
{
	enum irl_side serves;

	if(!from || address(s, dlg, IRL_CALLEE, policy->rnd, bye) != 0)
		return ENOENT;
	if(irl_session_entry(s, dlg, &serves) != from)
		serves = IRL_ORIG; /* the first pass */
	return way_from(s, dlg, from, serves, policy, bye);
}
