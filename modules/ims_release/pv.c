/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pv.h"

#include <string.h>

#include "event_route.h"

enum name
{
	CALLID,
	LEG,
	SERVED,
	IMPU,
	ICID,
	CAUSE,
	TEXT,
	JOB,
	STATE,
	RESULT,
	CALLER_CODE,
	CALLEE_CODE,
	HEADERS,
	NAMES
};

static const char *const names[NAMES] = {"callid", "leg", "served", "impu",
		"icid", "cause", "text", "job", "state", "result", "caller_code",
		"callee_code", "headers"};

int irl_pv_parse_name(pv_spec_t *spec, str *name)
{
	int i;

	for(i = 0; i < NAMES; i++) {
		if(irl_str_is(name, names[i])) {
			spec->pvp.pvn.type = PV_NAME_INTSTR;
			spec->pvp.pvn.u.isname.type = 0;
			spec->pvp.pvn.u.isname.name.n = i;
			return 0;
		}
	}
	LM_ERR("$imsrel(%.*s): no such name\n", name->len, name->s);
	return -1;
}

static int get_word(
		sip_msg_t *msg, pv_param_t *param, pv_value_t *res, const char *word)
{
	str v = {(char *)word, (int)strlen(word)};

	return pv_get_strval(msg, param, res, &v);
}

int irl_pv_get(sip_msg_t *msg, pv_param_t *param, pv_value_t *res)
{
	struct irl_event_ctx *ctx = irl_event_ctx();

	if(!ctx)
		return pv_get_null(msg, param, res);
	switch((enum name)param->pvn.u.isname.name.n) {
		case CALLID:
			return pv_get_strval(msg, param, res, &ctx->callid);
		case LEG:
			if(!ctx->for_bye)
				return pv_get_null(msg, param, res);
			return get_word(msg, param, res,
					ctx->leg == IRL_CALLER ? "caller" : "callee");
		case SERVED:
			return get_word(msg, param, res, irl_side_name(ctx->served));
		case IMPU:
			return pv_get_strval(msg, param, res, &ctx->impu);
		case ICID:
			return pv_get_strval(msg, param, res, &ctx->icid);
		case CAUSE:
			return pv_get_uintval(msg, param, res, (unsigned)ctx->cause);
		case TEXT:
			return pv_get_strval(msg, param, res, &ctx->text);
		case JOB:
			return pv_get_uintval(msg, param, res, ctx->job);
		case STATE:
			return get_word(msg, param, res, irl_state_name(ctx->state));
		case RESULT:
			if(ctx->for_bye)
				return pv_get_null(msg, param, res);
			return get_word(
					msg, param, res, ctx->failed ? "failed" : "released");
		case CALLER_CODE:
			return pv_get_uintval(
					msg, param, res, (unsigned)ctx->code[IRL_CALLER]);
		case CALLEE_CODE:
			return pv_get_uintval(
					msg, param, res, (unsigned)ctx->code[IRL_CALLEE]);
		case HEADERS:
			return pv_get_strval(msg, param, res, &ctx->headers);
		default:
			return pv_get_null(msg, param, res);
	}
}

int irl_pv_set(sip_msg_t *msg, pv_param_t *param, int op, pv_value_t *val)
{
	static const str none = {"", 0};

	if(param->pvn.u.isname.name.n != HEADERS) {
		LM_ERR("$imsrel(%s) cannot be assigned\n",
				names[param->pvn.u.isname.name.n]);
		return -1;
	}
	if(!val || (val->flags & PV_VAL_NULL))
		return irl_event_set_headers(&none);
	if(!(val->flags & PV_VAL_STR)) {
		LM_ERR("$imsrel(headers) takes a string\n");
		return -1;
	}
	return irl_event_set_headers(&val->rs);
}
