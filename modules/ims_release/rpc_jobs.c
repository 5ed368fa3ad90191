/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rpc_jobs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "job.h"
#include "rpc_scan.h"

#define JOBS_USAGE "[OFFSET [LIMIT]]"
#define JOB_USAGE "ID"
#define RATE_USAGE "[N]"

static const struct irl_rpc_args jobs_args = {
		JOBS_USAGE, 0, NULL, {IRL_RPC_PAGE}};
static const struct irl_rpc_args job_args = {
		JOB_USAGE, 1, "ID of a job expected", {{"id", "1 to 4294967295"}}};
static const struct irl_rpc_args rate_args = {
		RATE_USAGE, 0, NULL, {{"rate", "0 to 1000000"}}};

static const char *job_state(const struct irl_job_info *info)
{
	static const char *const names[] = {"running", "done", "cancelled"};

	return names[info->state];
}

/* The transports know no longer one; that is 24 days. */
static int to_int(uint64_t ms)
{
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void add_job(rpc_t *rpc, void *to, const struct irl_job_info *info)
{
	rpc->struct_add(to, "dsssds", "id", (int)info->id, "state", job_state(info),
			"selector", irl_selector_name(info->kind), "value", info->value,
			"cause", info->cause, "text", info->text);
	if(info->others[0])
		rpc->struct_add(to, "s", "reason", info->others);
	rpc->struct_add(to, "ddddd", "matched", (int)info->matched, "released",
			(int)info->released, "failed", (int)info->failed, "ended",
			(int)info->ended, "in_progress", (int)info->in_progress);
	rpc->struct_add(to, "fdd", "rate", info->rate, "elapsed_ms",
			to_int(info->elapsed_ms), "eta_ms", info->eta_ms);
}

/* ID of a job; with a fault sent, -1. */
static int scan_job(rpc_t *rpc, void *ctx, uint32_t *id)
{
	char error[IRL_ERROR_SIZE];
	long n;
	str arg[IRL_RPC_ARGS];

	if(irl_rpc_scan(rpc, ctx, &job_args, arg) < 0)
		return -1;
	if(irl_argument_number("id", &arg[0], 1, 4294967295L, &n, error)) {
		rpc->fault(ctx, 400, "%s", error);
		return -1;
	}
	*id = (uint32_t)n;
	return 0;
}

const char *irl_jobs_doc[] = {"List jobs, newest first: " JOBS_USAGE, NULL};

/* What may be in one reply: the lines are in the body of ctl's, which is 32 KiB
 * unless set, together with the line that says how many are left. */
#define PAGE_BYTES (31 * 1024)
/* What ctl needs for a line besides the text. */
#define LINE_BYTES 5
/* A line with the longest value. */
#define LINE_SIZE (sizeof(((struct irl_job_info *)0)->value) + 160)

static int print_line(const struct irl_job_info *info, char line[LINE_SIZE])
{
	return snprintf(line, LINE_SIZE,
			"%u %s %s %s matched %u released %u failed %u ended %u "
			"in_progress %u",
			info->id, job_state(info), irl_selector_name(info->kind),
			info->value, info->matched, info->released, info->failed,
			info->ended, info->in_progress);
}

/* @return how many of them there was room for */
static int add_lines(
		rpc_t *rpc, void *ctx, const struct irl_job_info *info, int n)
{
	char line[LINE_SIZE];
	int i, bytes = 0;

	for(i = 0; i < n; i++) {
		bytes += print_line(&info[i], line) + LINE_BYTES;
		if(bytes > PAGE_BYTES)
			break;
		rpc->rpl_printf(ctx, "%s", line);
	}
	return i;
}

void irl_rpc_jobs(rpc_t *rpc, void *ctx)
{
	struct irl_job_info *info;
	str arg[IRL_RPC_ARGS];
	long offset, limit = IRL_PAGE_MAX, all;
	int n = irl_rpc_scan(rpc, ctx, &jobs_args, arg);

	if(n < 0 || irl_rpc_page(rpc, ctx, arg, n, &offset, &limit) < 0)
		return;
	info = malloc((size_t)limit * sizeof(*info));
	if(!info) {
		rpc->fault(ctx, 500, "out of memory");
		return;
	}
	all = irl_job_page(offset, info, (int)limit, &n);
	n = add_lines(rpc, ctx, info, n);
	free(info);
	if(offset + n < all)
		rpc->rpl_printf(
				ctx, "more %ld offset %ld", all - offset - n, offset + n);
}

static char *leg_name(int leg)
{
	return leg == IRL_CALLER ? "caller" : "callee";
}

static void add_codes(rpc_t *rpc, void *reply, const struct irl_tally *tally)
{
	void *list, *item;
	int i;

	if(rpc->struct_add(reply, "[", "codes", &list) < 0)
		return;
	for(i = 0; i < tally->ncodes; i++) {
		if(rpc->array_add(list, "{", &item) < 0)
			return;
		rpc->struct_add(item, "sdd", "leg", leg_name(tally->codes[i].leg),
				"code", (int)tally->codes[i].code, "count",
				(int)tally->codes[i].count);
	}
	for(i = 0; i < IRL_LEGS; i++) {
		if(!tally->others[i])
			continue;
		if(rpc->array_add(list, "{", &item) < 0)
			return;
		rpc->struct_add(item, "ssd", "leg", leg_name(i), "code", "other",
				"count", (int)tally->others[i]);
	}
}

const char *irl_job_doc[] = {"Show a job: " JOB_USAGE, NULL};

void irl_rpc_job(rpc_t *rpc, void *ctx)
{
	struct irl_job_info info;
	void *reply;
	uint32_t id;

	if(scan_job(rpc, ctx, &id) < 0)
		return;
	if(irl_job_info(id, &info) != 0) {
		rpc->fault(ctx, 404, "no such job");
		return;
	}
	if(rpc->add(ctx, "{", &reply) < 0)
		return;
	add_job(rpc, reply, &info);
	add_codes(rpc, reply, &info.tally);
}

const char *irl_cancel_doc[] = {
		"Stop a job, what it began is finished: " JOB_USAGE, NULL};

void irl_rpc_cancel(rpc_t *rpc, void *ctx)
{
	uint32_t id;

	if(scan_job(rpc, ctx, &id) == 0 && irl_job_cancel(id) != 0)
		rpc->fault(ctx, 404, "no such job");
}

const char *irl_rate_doc[] = {
		"Read or set how many sessions jobs start a second: " RATE_USAGE, NULL};

void irl_rpc_rate(rpc_t *rpc, void *ctx)
{
	char error[IRL_ERROR_SIZE];
	void *reply;
	long n = -1;
	str arg[IRL_RPC_ARGS];
	int args = irl_rpc_scan(rpc, ctx, &rate_args, arg);

	if(args < 0)
		return;
	if(args && irl_argument_number("rate", &arg[0], 0, 1000000, &n, error)) {
		rpc->fault(ctx, 400, "%s", error);
		return;
	}
	if(rpc->add(ctx, "{", &reply) >= 0)
		rpc->struct_add(reply, "d", "job_rate", irl_job_rate((int)n));
}
