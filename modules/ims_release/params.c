/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "params.h"

#include <ctype.h>
#include <string.h>

#include "core/dprint.h"
#include "core/mem/mem.h"
#include "core/ut.h"

#include "arguments.h"
#include "core_headers.h"
#include "core_reason.h"
#include "core_registration.h"
#include "core_session.h"
#include "store.h"

struct irl_params irl_params = {
		.default_cause = 503,
		.default_text = str_init("Released by the network"),
		.credit_cause = 402,
		.credit_text = str_init("Out of credit"),
		.served_name = str_init("auto"),
		.session_timer_name = str_init("delete"),
		.session_timer_cause = 408,
		.session_timer_min = 90,
		.service_control = 1,
		.answer_481 = 1,
		.linger = 32,
		.hash_size = 4096,
		.job_window = 512,
		.job_history = 64,
		.db_table = str_init("ims_release"),
		.db_delay = 1000,
		.release_on_cause = 480,
};

struct range
{
	const char *name;
	const int *value;
	int least, most;
};

static const struct range ranges[] = {
		{"service_control", &irl_params.service_control, 0, 1},
		{"answer_481", &irl_params.answer_481, 0, 1},
		{"linger", &irl_params.linger, 0, 86400},
		{"hash_size", &irl_params.hash_size, 1, IRL_SLOTS_MAX},
		{"max_sessions", &irl_params.max_sessions, 0, 100000000},
		{"job_rate", &irl_params.job_rate, 0, 1000000},
		{"job_window", &irl_params.job_window, 1, 1000000},
		{"job_history", &irl_params.job_history, 0, 10000},
		{"session_timer_min", &irl_params.session_timer_min, 1, 86400},
		{"replicate", &irl_params.replicate, 0, 1},
		{"db_delay", &irl_params.db_delay, 0, 3600000},
};

static int check_ranges(void)
{
	const struct range *r;
	size_t i;

	for(i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		r = &ranges[i];
		if(*r->value < r->least || *r->value > r->most) {
			LM_ERR("parameter %s is %d, allowed is %d to %d\n", r->name,
					*r->value, r->least, r->most);
			return -1;
		}
	}
	if(irl_params.hash_size & (irl_params.hash_size - 1)) {
		LM_ERR("parameter hash_size is %d, allowed is a power of two\n",
				irl_params.hash_size);
		return -1;
	}
	return 0;
}

static int check_cause(const char *name, int cause)
{
	if(irl_cause_check(cause) == 0)
		return 0;
	LM_ERR("parameter %s is %d, allowed is " IRL_CAUSE_RANGE "\n", name, cause);
	return -1;
}

static int check_default_reason(void)
{
	static char sent[IRL_OTHERS_MAX];
	str *given = &irl_params.default_reason;
	const char *wrong;
	int len = irl_others_read(given, sent, &wrong);

	if(len < 0) {
		LM_ERR("parameter default_reason is '%s': %s\n", irl_quote(given),
				wrong);
		return -1;
	}
	given->s = sent;
	given->len = len;
	return 0;
}

static int check_causes(void)
{
	if(check_cause("default_cause", irl_params.default_cause)
			|| check_cause(
					"session_timer_cause", irl_params.session_timer_cause)
			|| check_cause("release_on_cause", irl_params.release_on_cause))
		return -1;
	if(irl_params.credit_cause && irl_cause_check(irl_params.credit_cause)) {
		LM_ERR("parameter credit_cause is %d, allowed is 0, " IRL_CAUSE_RANGE
			   "\n",
				irl_params.credit_cause);
		return -1;
	}
	return 0;
}

static int check_text(const char *name, const str *text)
{
	if(!irl_text_check(text))
		return 0;
	LM_ERR("parameter %s is '%s', allowed is " IRL_TEXT_RANGE "\n", name,
			irl_quote(text));
	return -1;
}

static int check_texts(void)
{
	return check_text("default_text", &irl_params.default_text)
		   || check_text("credit_text", &irl_params.credit_text);
}

static int check_release_on(void)
{
	irl_params.release_on_events = irl_reg_events(&irl_params.release_on);
	if(irl_params.release_on_events >= 0)
		return 0;
	LM_ERR("parameter release_on is '%s', allowed are expired, unregistered "
		   "and terminated, with commas between them\n",
			irl_quote(&irl_params.release_on));
	return -1;
}

static int check_served(void)
{
	static const str names[] = {[IRL_NO_SIDE] = str_init("auto"),
			[IRL_ORIG] = str_init("orig"),
			[IRL_TERM] = str_init("term")};
	int i;

	for(i = IRL_NO_SIDE; i <= IRL_TERM; i++) {
		if(irl_str_eq(&irl_params.served_name, &names[i])) {
			irl_params.served = i;
			return 0;
		}
	}
	LM_ERR("parameter served is '%s', allowed is orig, term or auto\n",
			irl_quote(&irl_params.served_name));
	return -1;
}

static int check_session_timer(void)
{
	static const str names[] = {[IRL_TIMER_OFF] = str_init("off"),
			[IRL_TIMER_DELETE] = str_init("delete"),
			[IRL_TIMER_RELEASE] = str_init("release")};
	int i;

	for(i = IRL_TIMER_OFF; i <= IRL_TIMER_RELEASE; i++) {
		if(irl_str_eq(&irl_params.session_timer_name, &names[i])) {
			irl_params.session_timer = i;
			return 0;
		}
	}
	LM_ERR("parameter session_timer is '%s', allowed is off, delete or "
		   "release\n",
			irl_quote(&irl_params.session_timer_name));
	return -1;
}

static int check_extra_headers(void)
{
	str *given = &irl_params.extra_headers;
	char *lines;
	int len;

	if(given->len <= 0)
		return 0;
	lines = pkg_malloc(IRL_HEADERS_ROOM(given->len));
	if(!lines) {
		PKG_MEM_ERROR;
		return -1;
	}
	len = irl_headers_normalize(given, lines);
	if(len < 0) {
		LM_ERR("parameter extra_headers is '%s', allowed are header lines "
			   "'Name: value' other than those that make the BYE\n",
				irl_quote(given));
		pkg_free(lines);
		return -1;
	}
	given->s = lines;
	given->len = len;
	return 0;
}

/* It becomes part of statements. */
static int check_table(void)
{
	const str *name = &irl_params.db_table;
	int i, ok = name->len > 0 && name->len <= 32;

	for(i = 0; ok && i < name->len; i++)
		ok = isalnum((unsigned char)name->s[i]) || name->s[i] == '_';
	if(ok)
		return 0;
	LM_ERR("parameter db_table is '%s', allowed are 1 to 32 letters, digits "
		   "and underscores\n",
			irl_quote(name));
	return -1;
}

int irl_params_check(void)
{
	if(check_ranges() || check_causes() || check_texts()
			|| check_default_reason() || check_served() || check_session_timer()
			|| check_table() || check_release_on())
		return -1;
	return check_extra_headers();
}
