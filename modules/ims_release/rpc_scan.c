/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rpc_scan.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/ut.h"

#include "arguments.h"

/* How an argument is read: it is optional, else a transport logs an error of
 * its own, and the dot has a number turned into text: a word of digits comes as
 * a number from kamcmd. */
#define ONE "*.S"

/* `ctl`, the binary protocol: it takes what it cannot convert for read, and
 * then nothing but the sign of the result tells that it was there. So all are
 * read at once; of the first, where the sign is lost, a fraction is told, which
 * is all that kamcmd can send besides. */
static int scan_binary(rpc_t *rpc, void *ctx, int most, str *value, int *wrong)
{
	static char *const formats[] = {
			NULL, ONE, ONE ".S", ONE ".S.S", ONE ".S.S.S", ONE ".S.S.S.S"};
	static char whole[24];
	double number;
	int n, first = 0;

	if(rpc->scan(ctx, "f", &number) > 0) {
		*wrong = number < -1e15 || number > 1e15
				 || number != (double)(long long)number;
		if(*wrong)
			return 0;
		/* Kamailio 6.0 reads whole numbers, too */
		value[first].s = whole;
		value[first++].len = snprintf(whole, sizeof(whole), "%.0f", number);
		if(most <= first)
			return first;
	}
	value += first;
	n = rpc->scan(ctx, formats[most - first], &value[0], &value[1], &value[2],
			&value[3], &value[4]);
	*wrong = n < 0;
	return first + (n < 0 ? -n : n);
}

/* JSON and others: a number's text is in a buffer that the next one is written
 * into, and what could not be converted is still there, for `d` takes all. */
static int scan_others(rpc_t *rpc, void *ctx, int most, str *value, int *wrong)
{
	static char number[IRL_RPC_ARGS][INT2STR_MAX_LEN];
	int n, any;

	for(n = 0; n < most && rpc->scan(ctx, ONE, &value[n]) > 0; n++) {
		if(value[n].len >= INT2STR_MAX_LEN)
			continue;
		memcpy(number[n], value[n].s, (size_t)value[n].len);
		value[n].s = number[n];
	}
	*wrong = n < most && rpc->scan(ctx, "*d", &any) > 0;
	return n;
}

int irl_rpc_scan(rpc_t *rpc, void *ctx, const struct irl_rpc_args *args,
		str value[IRL_RPC_ARGS])
{
	int most = 0, wrong, n;

	while(most < IRL_RPC_ARGS && args->arg[most].name)
		most++;
	/* it alone does not say what it is capable of */
	if(!rpc->capabilities)
		n = scan_binary(rpc, ctx, most, value, &wrong);
	else
		n = scan_others(rpc, ctx, most, value, &wrong);
	if(wrong) {
		rpc->fault(ctx, 400,
				"%s is neither text nor a whole number, allowed is %s",
				args->arg[n].name, args->arg[n].allowed);
		return -1;
	}
	if(n < args->required) {
		rpc->fault(ctx, 400, "%s", args->expected);
		return -1;
	}
	/* the binary protocol leaves words of its own there */
	memset(value + n, 0, (size_t)(IRL_RPC_ARGS - n) * sizeof(*value));
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
