/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_record.h"

#include <stdio.h>
#include <string.h>

#include "core_cseq.h"
#include "core_record_fields.h"

int irl_record_worthy(const struct irl_session *s)
{
	return s->current->answered && !s->cancelled && s->state < IRL_RELEASED;
}

struct printer
{
	char *buf;
	int size, len; /* len < 0: did not fit */
};

int irl_record_put(
		char *buf, int size, int at, const char *name, const str *value)
{
	int n;

	if(at < 0)
		return -1;
	n = snprintf(buf + at, (size_t)(size - at), "%s %d:", name, value->len);
	if(n >= size - at - value->len - 1)
		return -1;
	at += n;
	if(value->len)
		memcpy(buf + at, value->s, (size_t)value->len);
	at += value->len;
	buf[at++] = ' ';
	return at;
}

static void put(struct printer *p, const char *name, str value)
{
	p->len = irl_record_put(p->buf, p->size, p->len, name, &value);
}

static void put_number(struct printer *p, const char *name, uint32_t number)
{
	char digits[12];
	str value = {digits, 0};

	value.len = snprintf(digits, sizeof(digits), "%u", number);
	put(p, name, value);
}

/* What has its initial value is left out. */
static void put_field(struct printer *p, const struct field *f,
		const struct irl_block *text, const void *base)
{
	const char *at = (const char *)base + f->at;
	uint32_t number;
	str value;

	switch(f->kind) {
		case TEXT:
			value = irl_text_get(text, *(const struct irl_text *)at);
			if(value.len)
				put(p, f->name, value);
			return;
		case NUMBER:
			number = *(const uint32_t *)at;
			break;
		default:
			number = *(const uint8_t *)at;
			break;
	}
	if(number)
		put_number(p, f->name, number);
}

/* The number after the highest that either the party or our BYE in its place
 * has used. */
static uint32_t used_cseq(const struct irl_session *s, enum irl_leg_id leg)
{
	enum irl_leg_id other = leg == IRL_CALLER ? IRL_CALLEE : IRL_CALLER;
	uint32_t next = s->current->leg[leg].cseq;

	if(s->release && s->release->leg[other].tries)
		irl_cseq_note(&next, s->release->leg[other].cseq);
	return next;
}

static void put_passes(struct printer *p, const struct irl_session *s,
		const struct irl_record_sockets *sockets)
{
	const struct irl_pass *pass;
	char buf[512];
	str value = {buf, 0}, name;
	int i, n;

	for(i = 0; i < s->npasses; i++) {
		pass = &s->pass[i];
		n = snprintf(buf, sizeof(buf), "%u %u %u %u %u", pass->nroutes,
				pass->said, pass->guessed, s->current->passes >> i & 1u,
				s->current->answered >> i & 1u);
		name = sockets->name(pass->in);
		n += snprintf(buf + n, sizeof(buf) - (size_t)n, " %.*s", name.len,
				name.len ? name.s : "");
		if(n >= (int)sizeof(buf))
			n = -1;
		else {
			name = sockets->name(pass->out);
			n += snprintf(buf + n, sizeof(buf) - (size_t)n, " %.*s", name.len,
					name.len ? name.s : "");
		}
		value.len = n;
		if(n < 0 || n >= (int)sizeof(buf))
			p->len = -1;
		else
			put(p, "pass", value);
	}
}

static void put_routes(struct printer *p, const struct irl_session *s)
{
	str routes[IRL_ROUTES_MAX];
	int i, n = irl_session_routes(s, s->current, routes);

	for(i = 0; i < n; i++)
		put(p, "route", routes[i]);
}

/* One that is under way, or that still waits to be begun again. */
static void put_release(struct printer *p, const struct irl_session *s)
{
	struct irl_reason reason = {s->resume_cause,
			irl_text_get(&s->text, s->resume_text),
			irl_text_get(&s->text, s->resume_others)};

	if(s->release)
		reason = irl_release_reason(s->release);
	if(!reason.cause)
		return;
	put_number(p, "cause", (uint32_t)reason.cause);
	put(p, "text", reason.text);
	if(reason.others.len)
		put(p, "reason", reason.others);
}

int irl_record_pack(const struct irl_session *s,
		const struct irl_record_sockets *sockets, char *buf, int size)
{
	static const str confirmed = {"confirmed", 9}, answered = {"answered", 8};
	struct printer p = {buf, size, 0};
	size_t i;

	for(i = 0; i < N(session_fields); i++)
		put_field(&p, &session_fields[i], &s->text, s);
	for(i = 0; i < N(dialog_fields); i++)
		put_field(&p, &dialog_fields[i], &s->text, s->current);
	put_number(&p, "caller-cseq", used_cseq(s, IRL_CALLER));
	put_number(&p, "callee-cseq", used_cseq(s, IRL_CALLEE));
	put_passes(&p, s, sockets);
	put_routes(&p, s);
	put(&p, "state",
			s->state == IRL_ANSWERED || s->state == IRL_AWAITING_ACK
					? answered
					: confirmed);
	put_release(&p, s);
	return p.len;
}
