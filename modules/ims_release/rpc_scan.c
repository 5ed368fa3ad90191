/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* dladdr */
#include "rpc_scan.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/ut.h"
#include "modules/jsonrpcs/jsonrpcs_mod.h"

#include "arguments.h"

#define NEITHER "neither text nor a whole number"

/* How an argument is read: it is optional, else a transport logs an error of
 * its own, and the dot has a number turned into text: a word of digits comes as
 * a number from kamcmd. */
#define ONE "*.S"

/* Each of these takes down up to `most` arguments, and notices one more. @return
 * how many there are; with `wrong` filled, the one after those is no argument. */

/* Of `ctl`, the binary protocol, and its own types: text, numbers, fractions, one
 * by one. It ends at an array, which kamcmd cannot say. */
static int scan_typed(
		rpc_t *rpc, void *ctx, int most, str *value, const char **wrong)
{
	static char text[IRL_RPC_ARGS + 1][INT2STR_MAX_LEN];
	double fraction;
	int n, number;

	for(n = 0; n <= most; n++) {
		if(rpc->scan(ctx, "*d", &number) > 0) {
			value[n].s = text[n];
			value[n].len = snprintf(text[n], sizeof(text[n]), "%d", number);
		} else if(n == 0 || rpc->scan(ctx, "*S", &value[n]) <= 0)
			break;
	}
	if(n <= most && rpc->scan(ctx, "*f", &fraction) > 0)
		*wrong = NEITHER;
	return n;
}

/* Behind text all are read at once, as text: it takes what it cannot convert for
 * read, and then the sign of the result tells that it was there. For the first
 * there is no sign; so what begins with a number is read by its types. */
static int scan_binary(
		rpc_t *rpc, void *ctx, int most, str *value, const char **wrong)
{
	char format[2 * (IRL_RPC_ARGS + 1) + 2];
	int n = scan_typed(rpc, ctx, most, value, wrong);

	if(n || *wrong)
		return n;
	snprintf(format, sizeof(format), "*%.*s", 2 * (most + 1), ".S.S.S.S.S.S");
	n = rpc->scan(ctx, format, &value[0], &value[1], &value[2], &value[3],
			&value[4], &value[5]);
	if(n < 0)
		*wrong = NEITHER;
	return n < 0 ? -n : n;
}

/* What is of module jsonrpcs? Its scan() makes 0 of a number that is too large,
 * cuts fractions off, and has no sign. */
static int is_json(const rpc_t *rpc)
{
	static const rpc_t *last;
	static int json;
	Dl_info module;
	const char *name;

	if(rpc == last)
		return json;
	last = rpc;
	json = 0;
	if(dladdr((void *)rpc->scan, &module) && module.dli_fname) {
		name = strrchr(module.dli_fname, '/');
		json = strcmp(name ? name + 1 : module.dli_fname, "jsonrpcs.so") == 0;
	}
	return json;
}

/* Above it not each whole number is one of JSON's. */
#define EXACT_MAX 9007199254740991.0

static int scan_json(
		const jsonrpc_ctx_t *ctx, int most, str *value, const char **wrong)
{
	static char number[IRL_RPC_ARGS][INT2STR_MAX_LEN], inexact[64];
	const srjson_t *node = ctx->req_node;
	double d;
	int n;

	for(n = 0; node && n < most; node = node->next, n++) {
		d = node->valuedouble;
		if(node->type == srjson_String) {
			value[n].s = node->valuestring;
			value[n].len = (int)strlen(node->valuestring);
		} else if(node->type != srjson_Number) {
			*wrong = NEITHER;
			return n;
		} else if(d >= -EXACT_MAX && d <= EXACT_MAX && d == (double)(long)d) {
			value[n].s = number[n];
			value[n].len =
					snprintf(number[n], sizeof(number[n]), "%ld", (long)d);
		} else {
			snprintf(inexact, sizeof(inexact),
					"%.15g, neither text nor an exact whole number", d);
			*wrong = inexact;
			return n;
		}
	}
	return n + (node != NULL);
}

/* A number's text is in a buffer that the next one is written into, and what
 * could not be converted is still there, for `d` takes all. */
static int scan_others(
		rpc_t *rpc, void *ctx, int most, str *value, const char **wrong)
{
	static char number[IRL_RPC_ARGS + 1][INT2STR_MAX_LEN];
	int n, any;

	for(n = 0; n <= most && rpc->scan(ctx, ONE, &value[n]) > 0; n++) {
		if(value[n].len >= INT2STR_MAX_LEN)
			continue;
		memcpy(number[n], value[n].s, (size_t)value[n].len);
		value[n].s = number[n];
	}
	if(n <= most && rpc->scan(ctx, "*d", &any) > 0)
		*wrong = NEITHER;
	return n;
}

int irl_rpc_scan(rpc_t *rpc, void *ctx, const struct irl_rpc_args *args,
		str value[IRL_RPC_ARGS])
{
	str found[IRL_RPC_ARGS + 1];
	const char *wrong = NULL;
	int most = 0, n;

	while(most < IRL_RPC_ARGS && args->arg[most].name)
		most++;
	/* it alone does not say what it is capable of */
	if(!rpc->capabilities)
		n = scan_binary(rpc, ctx, most, found, &wrong);
	else if(is_json(rpc))
		n = scan_json(ctx, most, found, &wrong);
	else
		n = scan_others(rpc, ctx, most, found, &wrong);
	if(n + (wrong != NULL) > most) {
		rpc->fault(ctx, 400, "argument %d is one too many, allowed is %s",
				most + 1, args->usage);
		return -1;
	}
	if(wrong) {
		rpc->fault(ctx, 400, "%s is %s, allowed is %s", args->arg[n].name,
				wrong, args->arg[n].allowed);
		return -1;
	}
	if(n < args->required) {
		rpc->fault(ctx, 400, "%s", args->expected);
		return -1;
	}
	/* the binary protocol leaves words of its own behind them */
	memset(value, 0, IRL_RPC_ARGS * sizeof(*value));
	memcpy(value, found, (size_t)n * sizeof(*value));
	return n;
}

int irl_rpc_page(rpc_t *rpc, void *ctx, const str *value, int n, long *offset,
		long *limit)
{
	char error[IRL_ERROR_SIZE];
	int wrong;

	*offset = 0;
	wrong = n > 0
			&& irl_argument_number(
					"offset", &value[0], 0, INT_MAX, offset, error);
	if(!wrong && n > 1)
		wrong = irl_argument_number(
				"limit", &value[1], 1, IRL_PAGE_MAX, limit, error);
	if(wrong)
		rpc->fault(ctx, 400, "%s", error);
	return wrong ? -1 : 0;
}
