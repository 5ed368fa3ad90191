/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_record_fields.h  What of a record is text, a number or a flag of a
 * session: for those who print and read it
 */
#ifndef IRL_CORE_RECORD_FIELDS_H
#define IRL_CORE_RECORD_FIELDS_H

#include <stddef.h>

#include "core_session.h"

enum kind
{
	TEXT,
	NUMBER,
	FLAG
};

struct field
{
	const char *name;
	enum kind kind;
	size_t at; /* in the session, or in the dialog */
};

static const struct field session_fields[] = {
		{"callid", TEXT, offsetof(struct irl_session, callid)},
		{"from", TEXT, offsetof(struct irl_session, from)},
		{"from-tag", TEXT, offsetof(struct irl_session, from_tag)},
		{"to", TEXT, offsetof(struct irl_session, to)},
		{"contact", TEXT, offsetof(struct irl_session, contact)},
		{"impu", TEXT, offsetof(struct irl_session, impu)},
		{"called-impu", TEXT, offsetof(struct irl_session, called_impu)},
		{"icid", TEXT, offsetof(struct irl_session, icid)},
		{"caller-bound", TEXT, offsetof(struct irl_session, bound[0])},
		{"callee-bound", TEXT, offsetof(struct irl_session, bound[1])},
		{"created", NUMBER, offsetof(struct irl_session, created)},
		{"expires", NUMBER, offsetof(struct irl_session, expires)},
		{"invite", NUMBER, offsetof(struct irl_session, invite_cseq)},
		{"taken", NUMBER, offsetof(struct irl_session, taken)},
};

static const struct field dialog_fields[] = {
		{"tag", TEXT, offsetof(struct irl_dialog, tag)},
		{"answered-to", TEXT, offsetof(struct irl_dialog, to)},
		{"caller", TEXT, offsetof(struct irl_dialog, leg[0].target)},
		{"caller-refresh", NUMBER,
				offsetof(struct irl_dialog, leg[0].refreshed)},
		{"callee", TEXT, offsetof(struct irl_dialog, leg[1].target)},
		{"callee-refresh", NUMBER,
				offsetof(struct irl_dialog, leg[1].refreshed)},
		{"moved", FLAG, offsetof(struct irl_dialog, moved)},
		{"lost", FLAG, offsetof(struct irl_dialog, lost)},
		{"acks", FLAG, offsetof(struct irl_dialog, acks)},
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

#endif
