/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selector_parse.h"

#include <errno.h>
#include <string.h>

#include "event_route.h"
#include "store.h"

static int is_state(const str *value)
{
	int i;

	for(i = 0; i < IRL_STATES; i++) {
		if(irl_str_is(value, irl_state_name((enum irl_state)i)))
			return 1;
	}
	return 0;
}

static int read_side(const str *value, enum irl_side *side)
{
	int i;

	for(i = IRL_ORIG; i <= IRL_BOTH; i++) {
		if(irl_str_is(value, irl_side_name((enum irl_side)i))) {
			*side = (enum irl_side)i;
			return 0;
		}
	}
	return EINVAL;
}

/* It is logged, and shown on a line. */
static int is_line(const str *value)
{
	int i;

	for(i = 0; i < value->len; i++) {
		if(irl_is_control(value->s[i]))
			return 0;
	}
	return value->len > 0;
}

static int read_value(struct irl_selector *sel, char error[IRL_ERROR_SIZE])
{
	const str *value = &sel->value;

	if(!is_line(value))
		return irl_refuse(
				error, "value", value, "text without control characters");
	switch(sel->kind) {
		case IRL_SEL_ID:
			return irl_id_parse(value, &sel->id) == 0
						   ? 0
						   : irl_refuse(error, "id", value, "SLOT:NUMBER");
		case IRL_SEL_STATE:
			return is_state(value)
						   ? 0
						   : irl_refuse(error, "state", value,
								   "early, answered, confirmed, releasing or "
								   "released");
		case IRL_SEL_SERVED:
			return read_side(value, &sel->side) == 0
						   ? 0
						   : irl_refuse(error, "served", value,
								   "orig, term or both");
		case IRL_SEL_ALL:
			return irl_str_is(value, "*")
						   ? 0
						   : irl_refuse(error, "value of all", value, "*");
		default:
			return 0;
	}
}

int irl_selector_parse(const str *name, const str *value,
		struct irl_selector *sel, char error[IRL_ERROR_SIZE])
{
	int i;

	memset(sel, 0, sizeof(*sel));
	/* the last ones cannot be asked for */
	for(i = 0; i < IRL_SEL_REGISTRATION; i++) {
		if(irl_str_is(name, irl_selector_name((enum irl_selector_kind)i)))
			break;
	}
	if(i == IRL_SEL_REGISTRATION)
		return irl_refuse(error, "selector", name, IRL_SELECTORS);
	sel->kind = (enum irl_selector_kind)i;
	sel->value = *value;
	return read_value(sel, error);
}
