/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that anything happens to, memory that runs out included */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core_bye.h"
#include "core_cseq.h"
#include "core_session.h"
#include "fuzz.h"

static char in_socket, out_socket;
static long live;
static int refuse;

static void *mem_alloc(size_t size)
{
	char *p;

	if(refuse)
		return NULL;
	p = fuzz_room(size);
	memset(p, 0xa5, size);
	live++;
	return p;
}

static void mem_release(void *p)
{
	HOLDS(p != NULL);
	live--;
	free(p);
}

static int is_own(const str *route)
{
	return route->len > 0 && route->s[0] == 'o';
}

/* ---- what always holds ---- */

static void check_text(const struct irl_session *s, struct irl_text t)
{
	HOLDS(t.len <= t.cap);
	HOLDS(!t.cap || t.off + t.cap <= s->text.used);
}

static void check_entry(
		const struct irl_session *s, const struct irl_dialog *dlg)
{
	enum irl_side side = IRL_NO_SIDE;
	const struct irl_pass *entry = irl_session_entry(s, dlg, &side);

	HOLDS((entry != NULL) == (s->npasses > 0));
	HOLDS(!entry || (entry >= s->pass && entry < s->pass + s->npasses));
	HOLDS(side == IRL_ORIG || side == IRL_TERM);
}

static void check_bye(const struct irl_session *s, const struct irl_bye *bye)
{
	const char *begin = s->text.s, *end = begin + s->text.used;
	int i;

	HOLDS(bye->cseq > 0 && bye->cseq <= IRL_CSEQ_MAX);
	HOLDS(bye->request_uri.len > 0);
	HOLDS(bye->nroutes >= 0 && bye->nroutes <= IRL_ROUTES_MAX);
	for(i = 0; i < bye->nroutes; i++) {
		HOLDS(bye->routes[i].s >= begin);
		HOLDS(bye->routes[i].s + bye->routes[i].len <= end);
	}
	HOLDS(bye->reason.len > 2 && bye->reason.s == bye->buf);
	HOLDS(!memcmp(bye->reason.s + bye->reason.len - 2, "\r\n", 2));
	/* nothing enters where we are not in the route set */
	HOLDS(!bye->enters_here
			|| (bye->nroutes > 0 && is_own(&bye->routes[0])
					&& (bye->item == 1 || bye->item == 4)));
}

static void check_dialog(
		struct irl_session *s, const struct irl_dialog *dlg, uint32_t rnd)
{
	struct irl_bye_policy policy = {(int)(rnd & 1), is_own, rnd};
	str routes[IRL_ROUTES_MAX];
	const struct irl_pass *from;
	struct irl_bye bye;
	int leg, rc;

	check_text(s, dlg->tag);
	check_text(s, dlg->to);
	check_text(s, dlg->routes);
	check_entry(s, dlg);
	if(dlg->answered)
		HOLDS(irl_session_routes(s, dlg, routes) == dlg->nroutes);
	for(leg = 0; leg < IRL_LEGS; leg++) {
		check_text(s, dlg->leg[leg].target);
		HOLDS(dlg->leg[leg].cseq <= IRL_CSEQ_MAX);
		rc = irl_bye_build(s, dlg, leg, &policy, &bye);
		HOLDS(rc == 0 || rc == ENOENT);
		HOLDS(rc != 0 || dlg->answered);
		if(rc == 0)
			check_bye(s, &bye);
	}
	from = s->npasses ? &s->pass[rnd % s->npasses] : NULL;
	rc = irl_bye_build_for_caller(s, dlg, from, &policy, &bye);
	HOLDS(rc == 0 || rc == ENOENT);
	HOLDS(rc != 0 || (dlg->answered && !bye.enters_here && !bye.item));
	if(rc == 0)
		check_bye(s, &bye);
}

static void check(struct irl_session *s, uint32_t rnd)
{
	struct irl_release r = {.cause = 503, .text_len = 3, .text = "a\"\\"};
	struct irl_release *own = s->release;
	const struct irl_dialog *dlg;
	int current = 0;

	HOLDS(s->text.used <= s->text.size && s->text.size <= IRL_BLOCK_MAX);
	HOLDS(s->npasses <= IRL_PASSES_MAX && s->state < IRL_STATES);
	check_text(s, s->callid);
	check_text(s, s->from);
	check_text(s, s->from_tag);
	check_text(s, s->contact);
	check_text(s, s->impu);
	s->release = &r;
	for(dlg = &s->first; dlg; dlg = dlg->next) {
		current += dlg == s->current;
		check_dialog(s, dlg, rnd);
	}
	s->release = own;
	HOLDS(current == 1);
}

/* ---- what may happen ---- */

static struct irl_dialog *any_dialog(
		struct irl_session *s, struct fuzz_input *in)
{
	struct irl_dialog *dlg = &s->first;
	unsigned n = fuzz_below(in, 8);

	while(n-- && dlg->next)
		dlg = dlg->next;
	return dlg;
}

static str any_tag(struct fuzz_input *in)
{
	static char tags[] = "abcdefgh";
	str tag = {tags + fuzz_below(in, 8), 1};

	return tag;
}

static void add_pass(struct irl_session *s, struct fuzz_input *in)
{
	struct irl_pass pass = {.in = &in_socket};

	pass.nroutes = (uint16_t)fuzz_below(in, 40);
	pass.said = (uint8_t)fuzz_below(in, 4);
	pass.guessed = (uint8_t)fuzz_below(in, 4);
	HOLDS(irl_session_add_pass(s, &pass) == s->npasses - 1);
}

static void serve(struct irl_session *s, struct fuzz_input *in)
{
	int pass = (int)fuzz_below(in, IRL_PASSES_MAX);
	enum irl_side side = fuzz_below(in, 2) ? IRL_ORIG : IRL_TERM;
	str impu = fuzz_text(in, 4096);

	if(pass < s->npasses && irl_session_serve(s, pass, side, &impu) == 0)
		HOLDS(irl_session_served(s) & side);
}

static void ring(struct irl_session *s, struct fuzz_input *in)
{
	str tag = any_tag(in);
	struct irl_dialog *dlg =
			irl_session_early(s, &tag, (int)fuzz_below(in, 10) - 1);

	HOLDS(dlg || refuse || s->text.used > IRL_BLOCK_MAX / 2);
	HOLDS(!dlg || irl_session_dialog(s, &tag) == dlg);
}

static void answer(struct irl_session *s, struct fuzz_input *in)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.routes = routes, .socket = &out_socket};
	struct irl_dialog *dlg;
	int err;

	if(!s->npasses)
		return;
	ans.tag = any_tag(in);
	ans.pass = (int)(fuzz_byte(in) % s->npasses);
	ans.to = fuzz_text(in, 4096);
	ans.contact = fuzz_text(in, 4096);
	ans.nroutes = (int)fuzz_below(in, IRL_ROUTES_MAX + 1);
	ans.cut = fuzz_below(in, 8) == 0;
	for(int i = 0; i < ans.nroutes; i++)
		routes[i] = fuzz_text(in, 4096);
	dlg = irl_session_answer(s, &ans, &err);
	HOLDS(dlg || err);
	HOLDS(!dlg || (dlg->answered >> ans.pass & 1));
	HOLDS(!dlg || s->current->answered);
}

static void refresh(struct irl_session *s, struct fuzz_input *in)
{
	struct irl_dialog *dlg = any_dialog(s, in);
	enum irl_leg_id leg = fuzz_below(in, 2) ? IRL_CALLEE : IRL_CALLER;
	uint32_t cseq = fuzz_number(in) % IRL_CSEQ_MAX;
	uint32_t before = dlg->leg[leg].refreshed;
	str requested = fuzz_text(in, 4096), answered = fuzz_text(in, 4096);
	int rc = irl_session_refresh(s, dlg, leg, cseq, &requested, &answered);

	HOLDS(rc == 0 || rc == ENOMEM || rc == EOVERFLOW);
	HOLDS(dlg->leg[leg].refreshed >= before);
	HOLDS(rc != 0 || dlg->leg[leg].refreshed > cseq);
}

static void event(struct irl_session *s, struct fuzz_input *in)
{
	enum irl_event ev = fuzz_below(in, IRL_EVENTS);
	uint8_t before = s->state;
	int actions = irl_session_event(s, ev);

	HOLDS(actions != -1 || s->state == before);
	HOLDS(actions == -1 || irl_state_live(before) || !irl_state_live(s->state));
}

static void note(struct irl_session *s, struct fuzz_input *in)
{
	struct irl_leg *leg = &any_dialog(s, in)->leg[fuzz_below(in, IRL_LEGS)];
	uint32_t before = leg->cseq;

	irl_cseq_note(&leg->cseq, fuzz_number(in) % IRL_CSEQ_MAX);
	HOLDS(leg->cseq >= before);
}

static void match(struct irl_session *s, struct fuzz_input *in)
{
	str from = any_tag(in), to = irl_session_tag(s, &s->first, IRL_CALLER);
	enum irl_leg_id leg = 77;
	struct irl_dialog *dlg = irl_session_match(s, &from, &to, &leg);

	HOLDS(!dlg || leg == IRL_CALLER || leg == IRL_CALLEE);
	dlg = irl_session_match(s, &to, &from, &leg);
	HOLDS(!dlg || leg == IRL_CALLER || leg == IRL_CALLEE);
}

/* A later answer becomes a session; it is the one that lives on or the one
 * that goes, as the input has it. */
static struct irl_session *split(struct irl_session *s, struct fuzz_input *in)
{
	struct irl_dialog *dlg = any_dialog(s, in);
	struct irl_session *other;

	if(dlg == s->current || !dlg->answered || !s->current->answered)
		return s;
	other = irl_session_split(s, dlg);
	if(!other)
		return s;
	check(s, 0);
	check(other, 1);
	if(fuzz_below(in, 2)) {
		irl_session_free(other);
		return s;
	}
	irl_session_free(s);
	return other;
}

static struct irl_session *happen(struct irl_session *s, struct fuzz_input *in)
{
	static void (*const what[])(struct irl_session *, struct fuzz_input *) = {
			add_pass, serve, ring, answer, refresh, event, note, match};
	enum
	{
		WHATS = sizeof(what) / sizeof(what[0])
	};
	unsigned op = fuzz_byte(in);

	/* each may meet with memory that is used up */
	refuse = op >> 7;
	op %= WHATS + 1;
	if(op < WHATS)
		what[op](s, in);
	else
		s = split(s, in);
	refuse = 0;
	return s;
}

static struct irl_session *invite(struct fuzz_input *in)
{
	struct irl_invite inv;

	refuse = (int)fuzz_below(in, 64) == 63;
	inv.cseq = fuzz_number(in) % IRL_CSEQ_MAX;
	inv.callid = fuzz_text(in, 4096);
	inv.from = fuzz_text(in, 4096);
	inv.from_tag = fuzz_text(in, 4096);
	inv.to = fuzz_text(in, 4096);
	inv.contact = fuzz_text(in, 4096);
	inv.impu = fuzz_text(in, 4096);
	inv.icid = fuzz_text(in, 4096);
	return irl_session_new(&inv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	struct irl_session *s;

	irl_mem.alloc = mem_alloc;
	irl_mem.release = mem_release;
	live = 0;
	s = invite(&in);
	refuse = 0;
	while(s && in.p < in.end) {
		s = happen(s, &in);
		check(s, (uint32_t)(in.end - in.p) * 2654435761u);
	}
	irl_session_free(s);
	HOLDS(live == 0);
	return 0;
}
