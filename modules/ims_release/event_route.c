/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_route.h"

#include <string.h>

#include "core/action.h"
#include "core/dprint.h"
#include "core/dset.h"
#include "core/fmsg.h"
#include "core/kemi.h"
#include "core/mem/mem.h"
#include "core/msg_translator.h"
#include "core/parser/msg_parser.h"
#include "core/receive.h"
#include "core/route.h"
#include "core/script_cb.h"

#include "arguments.h"
#include "core_headers.h"
#include "params.h"

struct event_route
{
	str name;
	int index; /* -1: not in the script */
};

static struct event_route bye_route = {str_init("ims_release:bye"), -1};
static struct event_route done_route = {str_init("ims_release:done"), -1};

static struct irl_event_ctx *running;

/* What the script assigns, normalized. */
static char headers_buf[8192];

/* Where the script's lexer takes no underscore before the colon (Kamailio
 * 5.6), event_route[ims_release:bye] is known as release:bye. */
static void find(struct event_route *route)
{
	static const int cut = (int)sizeof("ims_") - 1;

	route->index = route_lookup(&event_rt, route->name.s);
	if(route->index < 0)
		route->index = route_lookup(&event_rt, route->name.s + cut);
	if(route->index >= 0 && event_rt.rlist[route->index] == NULL)
		route->index = -1;
}

void irl_event_route_init(void)
{
	find(&bye_route);
	find(&done_route);
}

static void run_on(const struct event_route *route, struct sip_msg *msg)
{
	struct run_act_ctx act;
	str event = route->name;
	int backup = get_route_type();

	set_route_type(EVENT_ROUTE);
	init_run_actions_ctx(&act);
	if(route->index >= 0)
		run_top_route(event_rt.rlist[route->index], msg, &act);
	else
		sr_kemi_route(sr_kemi_eng_get(), msg, EVENT_ROUTE,
				&irl_params.event_callback, &event);
	set_route_type(backup);
}

/* On a message as other event routes have it, but of this run alone, as is what
 * the script keeps beside it: the one that Kamailio has for all of them is never
 * freed, nor what a script hangs on it. */
static void run(const struct event_route *route, struct irl_event_ctx *ctx)
{
	const struct sip_msg *fake;
	struct sip_msg msg;

	if(route->index < 0
			&& (!sr_kemi_eng_get() || irl_params.event_callback.len <= 0))
		return;
	fake = faked_msg_next();
	if(build_sip_msg_from_buf(&msg, fake->buf, (int)fake->len, fake->id) < 0) {
		LM_ERR("no memory for event_route[%s]\n", route->name.s);
		return;
	}
	msg.rcv = fake->rcv;
	msg.pid = fake->pid;
	running = ctx;
	run_on(route, &msg);
	running = NULL;
	clear_branches();
	ksr_msg_env_reset();
	msg.buf = NULL; /* not to be freed */
	free_sip_msg(&msg);
}

int irl_event_route_bye(struct irl_event_ctx *ctx, char *buf, int size)
{
	ctx->for_bye = 1;
	run(&bye_route, ctx);
	if(ctx->headers.len > size) {
		LM_ERR("headers of event_route[ims_release:bye] left out: %d bytes\n",
				ctx->headers.len);
		return 0;
	}
	memcpy(buf, ctx->headers.s, (size_t)ctx->headers.len);
	return ctx->headers.len;
}

void irl_event_route_done(struct irl_event_ctx *ctx)
{
	run(&done_route, ctx);
}

struct irl_event_ctx *irl_event_ctx(void)
{
	return running;
}

int irl_event_set_headers(const str *lines)
{
	int len;

	if(!running || !running->for_bye) {
		LM_ERR("$imsrel(headers) is assigned outside of "
			   "event_route[ims_release:bye]\n");
		return -1;
	}
	if(IRL_HEADERS_ROOM(lines->len) > sizeof(headers_buf)) {
		LM_ERR("$imsrel(headers): %d bytes, allowed are %zu\n", lines->len,
				sizeof(headers_buf) / 2 - 1);
		return -1;
	}
	len = irl_headers_normalize(lines, headers_buf);
	if(len < 0) {
		LM_ERR("$imsrel(headers) is '%s', allowed are header lines 'Name: "
			   "value' other than those that make the BYE\n",
				irl_quote(lines));
		return -1;
	}
	running->headers.s = headers_buf;
	running->headers.len = len;
	return 0;
}

const char *irl_side_name(enum irl_side side)
{
	static const char *const names[] = {"", "orig", "term", "both"};

	return names[side];
}
