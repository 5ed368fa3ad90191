/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_registration.h"

#include <string.h>

#include "core_text.h"

static const struct
{
	enum irl_reg_event event;
	const char *text;
} ends[IRL_REG_ENDS] = {
		[IRL_END_EXPIRED] = {IRL_REG_EXPIRED, "Registration expired"},
		[IRL_END_UNREGISTERED] = {IRL_REG_UNREGISTERED, "User unregistered"},
		[IRL_END_TERMINATED] = {IRL_REG_TERMINATED, "Registration terminated"},
		[IRL_END_PERMANENT] = {IRL_REG_TERMINATED,
				"Registration terminated: permanent termination"},
		[IRL_END_NEW_SERVER] = {IRL_REG_TERMINATED,
				"Registration terminated: new server assigned"},
		[IRL_END_SERVER_CHANGE] = {IRL_REG_TERMINATED,
				"Registration terminated: server change"},
		[IRL_END_REMOVE_SCSCF] = {IRL_REG_TERMINATED,
				"Registration terminated: S-CSCF removed"},
};

static const char *name_of(enum irl_reg_event event)
{
	return event == IRL_REG_EXPIRED		   ? "expired"
		   : event == IRL_REG_UNREGISTERED ? "unregistered"
										   : "terminated";
}

static int event_named(const char *p, int len)
{
	const str word = {(char *)p, len};
	int event;

	for(event = IRL_REG_EXPIRED; event <= IRL_REG_TERMINATED; event <<= 1) {
		if(irl_str_is(&word, name_of((enum irl_reg_event)event)))
			return event;
	}
	return -1;
}

int irl_reg_events(const str *list)
{
	const char *p = list->s, *end, *from, *to, *next;
	int events = 0, event;

	if(list->len <= 0)
		return 0;
	for(end = p + list->len; p <= end; p = next + 1) {
		next = memchr(p, ',', (size_t)(end - p));
		if(!next)
			next = end;
		for(from = p; from < next && *from == ' '; from++)
			;
		for(to = next; to > from && to[-1] == ' '; to--)
			;
		event = event_named(from, (int)(to - from));
		if(event < 0)
			return -1;
		events |= event;
	}
	return events;
}

enum irl_reg_event irl_reg_event_of(enum irl_reg_end end)
{
	return ends[end].event;
}

const char *irl_reg_event_name(enum irl_reg_end end)
{
	return name_of(ends[end].event);
}

const char *irl_reg_text(enum irl_reg_end end)
{
	return ends[end].text;
}

enum irl_reg_end irl_reg_end_of(uint32_t reason_code)
{
	return reason_code > 3
				   ? IRL_END_TERMINATED
				   : (enum irl_reg_end)(IRL_END_PERMANENT + reason_code);
}
