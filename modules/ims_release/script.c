/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "script.h"

#include <stdlib.h>

#include "core/mod_fix.h"

#include "arguments.h"
#include "capture.h"
#include "job.h"
#include "release.h"
#include "selector_parse.h"

/* What the functions return to the script. */
#define DONE 1
#define NO_SESSION (-1)
#define BAD_ARGUMENT (-2)

static int side_of(const str *name, enum irl_side *side)
{
	static const str orig = str_init("orig"), term = str_init("term");

	*side = irl_str_eq(name, &orig)	  ? IRL_ORIG
			: irl_str_eq(name, &term) ? IRL_TERM
									  : IRL_NO_SIDE;
	return *side ? 0 : -1;
}

static int ki_serve_user(sip_msg_t *msg, str *side_name, str *impu)
{
	enum irl_side side;

	if(side_of(side_name, &side) < 0) {
		LM_ERR("ims_release_serve: side is '%s', allowed is orig or term\n",
				irl_quote(side_name));
		return NO_SESSION;
	}
	return irl_capture_serve(msg, side, impu) == 0 ? DONE : NO_SESSION;
}

static int ki_serve(sip_msg_t *msg, str *side)
{
	str impu = {"", 0};

	return ki_serve_user(msg, side, &impu);
}

/* `text` and `others` are NULL when they were not given. */
static int check_reason(
		int cause, str *text, str *others, struct irl_reason *reason)
{
	char error[IRL_ERROR_SIZE];

	if(irl_cause_check(cause)) {
		LM_ERR("cause is '%d', allowed is " IRL_CAUSE_RANGE "\n", cause);
		return -1;
	}
	reason->cause = cause;
	if(irl_argument_text(text, &reason->text, error)
			|| irl_argument_reason(others, &reason->others, error)) {
		LM_ERR("%s\n", error);
		return -1;
	}
	return 0;
}

static int release(sip_msg_t *msg, int cause, str *text, str *others)
{
	struct irl_reason reason;
	uint64_t id;

	if(check_reason(cause, text, others, &reason) < 0)
		return BAD_ARGUMENT;
	id = irl_capture_current(msg);
	if(!id)
		return irl_capture_release(msg, &reason) == 0 ? DONE : NO_SESSION;
	switch(irl_release_trigger(id, &reason, 0)) {
		case IRL_STARTED:
		case IRL_UNDER_WAY:
			return DONE;
		default:
			return NO_SESSION;
	}
}

static int ki_release(sip_msg_t *msg, int cause)
{
	return release(msg, cause, NULL, NULL);
}

static int ki_release_text(sip_msg_t *msg, int cause, str *text)
{
	return release(msg, cause, text, NULL);
}

static int ki_release_reason(sip_msg_t *msg, int cause, str *text, str *reason)
{
	return release(msg, cause, text, reason);
}

static int release_by(str *name, str *value, int cause, str *text, str *others)
{
	struct irl_reason reason;
	struct irl_selector sel;
	char error[IRL_ERROR_SIZE];
	uint64_t *ids = NULL;
	long n;

	if(irl_selector_parse(name, value, &sel, error)) {
		LM_ERR("ims_release_by: %s\n", error);
		return BAD_ARGUMENT;
	}
	if(check_reason(cause, text, others, &reason) < 0)
		return BAD_ARGUMENT;
	n = irl_selector_ids(&sel, &ids);
	if(n > 0 && !irl_job_start(&sel, ids, n, &reason))
		n = 0;
	free(ids);
	return n > 0 ? DONE : NO_SESSION;
}

static int ki_release_by(sip_msg_t *msg, str *name, str *value, int cause)
{
	return release_by(name, value, cause, NULL, NULL);
}

static int ki_release_by_text(
		sip_msg_t *msg, str *name, str *value, int cause, str *text)
{
	return release_by(name, value, cause, text, NULL);
}

static int ki_release_by_reason(sip_msg_t *msg, str *name, str *value,
		int cause, str *text, str *reason)
{
	return release_by(name, value, cause, text, reason);
}

static int ki_is_own(sip_msg_t *msg)
{
	return irl_capture_is_own(msg) ? 1 : -1;
}

/* ---- the native script: arguments may hold variables ------------------------- */

static int get_str(sip_msg_t *msg, char *param, str *value)
{
	if(fixup_get_svalue(msg, (gparam_t *)param, value) == 0)
		return 0;
	LM_ERR("an argument has no value\n");
	return -1;
}

static int get_int(sip_msg_t *msg, char *param, int *value)
{
	if(fixup_get_ivalue(msg, (gparam_t *)param, value) == 0)
		return 0;
	LM_ERR("the cause has no value\n");
	return -1;
}

static int w_serve(sip_msg_t *msg, char *side, char *impu)
{
	str s, user = {"", 0};

	if(get_str(msg, side, &s) < 0 || (impu && get_str(msg, impu, &user) < 0))
		return NO_SESSION;
	return ki_serve_user(msg, &s, &user);
}

static int w_release_reason(
		sip_msg_t *msg, char *cause, char *text, char *reason)
{
	str t, r;
	int c;

	if(get_int(msg, cause, &c) < 0 || (text && get_str(msg, text, &t) < 0)
			|| (reason && get_str(msg, reason, &r) < 0))
		return BAD_ARGUMENT;
	return release(msg, c, text ? &t : NULL, reason ? &r : NULL);
}

static int w_release(sip_msg_t *msg, char *cause, char *text)
{
	return w_release_reason(msg, cause, text, NULL);
}

static int by(sip_msg_t *msg, char *name, char *value, char *cause, char *text,
		char *reason)
{
	str n, v, t, r;
	int c;

	if(get_str(msg, name, &n) < 0 || get_str(msg, value, &v) < 0
			|| get_int(msg, cause, &c) < 0
			|| (text && get_str(msg, text, &t) < 0)
			|| (reason && get_str(msg, reason, &r) < 0))
		return BAD_ARGUMENT;
	return release_by(&n, &v, c, text ? &t : NULL, reason ? &r : NULL);
}

static int w_release_by(sip_msg_t *msg, char *name, char *value, char *cause)
{
	return by(msg, name, value, cause, NULL, NULL);
}

static int w_release_by_text(
		sip_msg_t *msg, char *name, char *value, char *cause, char *text)
{
	return by(msg, name, value, cause, text, NULL);
}

static int w_release_by_reason(sip_msg_t *msg, char *name, char *value,
		char *cause, char *text, char *reason)
{
	return by(msg, name, value, cause, text, reason);
}

static int w_is_own(sip_msg_t *msg, char *p1, char *p2)
{
	return ki_is_own(msg);
}

static int fixup_cause_text(void **param, int n)
{
	return n == 1 ? fixup_igp_null(param, 1) : fixup_spve_null(param, 1);
}

static int fixup_by(void **param, int n)
{
	return n == 3 ? fixup_igp_null(param, 1) : fixup_spve_null(param, 1);
}

cmd_export_t irl_cmds[] = {{"ims_release_serve", (cmd_function)w_serve, 1,
								   fixup_spve_null, 0, REQUEST_ROUTE},
		{"ims_release_serve", (cmd_function)w_serve, 2, fixup_spve_spve, 0,
				REQUEST_ROUTE},
		{"ims_release", (cmd_function)w_release, 1, fixup_igp_null, 0,
				ANY_ROUTE},
		{"ims_release", (cmd_function)w_release, 2, fixup_cause_text, 0,
				ANY_ROUTE},
		{"ims_release", (cmd_function)w_release_reason, 3, fixup_cause_text, 0,
				ANY_ROUTE},
		{"ims_release_by", (cmd_function)w_release_by, 3, fixup_by, 0,
				ANY_ROUTE},
		{"ims_release_by", (cmd_function)w_release_by_text, 4, fixup_by, 0,
				ANY_ROUTE},
		{"ims_release_by", (cmd_function)w_release_by_reason, 5, fixup_by, 0,
				ANY_ROUTE},
		{"ims_release_is_own", (cmd_function)w_is_own, 0, 0, 0, REQUEST_ROUTE},
		{0, 0, 0, 0, 0, 0}};

/* clang-format off */
sr_kemi_t irl_kemi[] = {
	{ str_init("ims_release"), str_init("serve"),
		SR_KEMIP_INT, ki_serve,
		{ SR_KEMIP_STR, SR_KEMIP_NONE, SR_KEMIP_NONE,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("serve_user"),
		SR_KEMIP_INT, ki_serve_user,
		{ SR_KEMIP_STR, SR_KEMIP_STR, SR_KEMIP_NONE,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("release"),
		SR_KEMIP_INT, ki_release,
		{ SR_KEMIP_INT, SR_KEMIP_NONE, SR_KEMIP_NONE,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("release_text"),
		SR_KEMIP_INT, ki_release_text,
		{ SR_KEMIP_INT, SR_KEMIP_STR, SR_KEMIP_NONE,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("release_reason"),
		SR_KEMIP_INT, ki_release_reason,
		{ SR_KEMIP_INT, SR_KEMIP_STR, SR_KEMIP_STR,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("release_by"),
		SR_KEMIP_INT, ki_release_by,
		{ SR_KEMIP_STR, SR_KEMIP_STR, SR_KEMIP_INT,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("release_by_text"),
		SR_KEMIP_INT, ki_release_by_text,
		{ SR_KEMIP_STR, SR_KEMIP_STR, SR_KEMIP_INT,
			SR_KEMIP_STR, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("release_by_reason"),
		SR_KEMIP_INT, ki_release_by_reason,
		{ SR_KEMIP_STR, SR_KEMIP_STR, SR_KEMIP_INT,
			SR_KEMIP_STR, SR_KEMIP_STR, SR_KEMIP_NONE }
	},
	{ str_init("ims_release"), str_init("is_own"),
		SR_KEMIP_INT, ki_is_own,
		{ SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }
	},
	{ {0, 0}, {0, 0}, 0, NULL, { 0, 0, 0, 0, 0, 0 } }
};
/* clang-format on */
