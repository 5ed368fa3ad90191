/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_record.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_cseq.h"
#include "core_route_set.h"

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
		{"icid", TEXT, offsetof(struct irl_session, icid)},
		{"created", NUMBER, offsetof(struct irl_session, created)},
		{"invite", NUMBER, offsetof(struct irl_session, invite_cseq)},
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
		{"acks", FLAG, offsetof(struct irl_dialog, acks)},
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

int irl_record_worthy(const struct irl_session *s)
{
	return s->current->answered && !s->cancelled && s->state < IRL_RELEASED;
}

/* ---- print ------------------------------------------------------------------- */

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
	n = snprintf(buf + at, (size_t)(size - at), "%s %d:%.*s ", name, value->len,
			value->len, value->len ? value->s : "");
	return n < size - at ? at + n : -1;
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
	str text = irl_text_get(&s->text, s->resume_text);
	uint16_t cause = s->resume_cause;

	if(s->release) {
		text.s = s->release->text;
		text.len = s->release->text_len;
		cause = s->release->cause;
	}
	if(!cause)
		return;
	put_number(p, "cause", cause);
	put(p, "text", text);
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

/* ---- read -------------------------------------------------------------------- */

static const char no_memory[] = "out of memory";

struct reader
{
	struct irl_session *s;
	const struct irl_record_sockets *sockets;
	str routes[IRL_ROUTES_MAX];
	int nroutes;
	const char *error;
};

/* Decimal digits up to the end or to `until`. @return what follows, NULL for
 * anything else or above `most` */
static const char *read_number(
		const char *p, const char *end, char until, uint32_t most, uint32_t *n)
{
	const char *digits = p;
	uint64_t v = 0;

	for(; p < end && *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if(v > most)
			return NULL;
	}
	*n = (uint32_t)v;
	if(p == digits || (p < end ? *p != until : until != '\0'))
		return NULL;
	return p < end ? p + 1 : p;
}

int irl_record_number(const str *value, uint32_t most, uint32_t *n)
{
	return read_number(value->s, value->s + value->len, '\0', most, n) ? 0 : -1;
}

/* No line of a message may end in it, but where it is folded. */
static int is_one_line(const char *p, const char *end)
{
	for(; p < end; p++) {
		if(end - p > 2 && p[0] == '\r' && p[1] == '\n'
				&& (p[2] == ' ' || p[2] == '\t'))
			p += 2;
		if((unsigned char)*p < ' ' && *p != '\t')
			return 0;
	}
	return 1;
}

int irl_record_next(str *rest, str *name, str *value)
{
	const char *p = rest->s, *end = rest->s + rest->len;
	uint32_t len;

	if(!rest->len)
		return 0;
	name->s = rest->s;
	while(p < end && *p != ' ')
		p++;
	name->len = (int)(p - name->s);
	if(p == end)
		return -1;
	p = read_number(p + 1, end, ':', IRL_BLOCK_MAX, &len);
	if(!p || (uint32_t)(end - p) <= len || p[len] != ' ')
		return -1;
	value->s = (char *)p;
	value->len = (int)len;
	if(!is_one_line(p, p + len))
		return -1;
	rest->s = (char *)p + len + 1;
	rest->len = (int)(end - rest->s);
	return 1;
}

static int is(const str *name, const char *word)
{
	return name->len == (int)strlen(word)
		   && !memcmp(name->s, word, (size_t)name->len);
}

static int read_field(const struct field *f, struct irl_block *text, void *base,
		const str *value)
{
	char *at = (char *)base + f->at;
	uint32_t number;

	if(f->kind == TEXT)
		return irl_text_set(text, (struct irl_text *)at, value);
	if(irl_record_number(value, f->kind == FLAG ? 255 : UINT32_MAX, &number))
		return -1;
	if(f->kind == FLAG)
		*(uint8_t *)at = (uint8_t)number;
	else
		*(uint32_t *)at = number;
	return 0;
}

static void *read_socket(
		const struct reader *r, const char **p, const char *end)
{
	str name = {(char *)*p, 0};

	while(*p < end && **p != ' ')
		(*p)++;
	name.len = (int)(*p - name.s);
	if(*p < end)
		(*p)++;
	return name.len ? r->sockets->find(&name) : NULL;
}

static int read_pass(struct reader *r, const str *value)
{
	static const uint32_t most[] = {IRL_ROUTES_MAX, IRL_BOTH, IRL_BOTH, 1, 1};
	const char *p = value->s, *end = p + value->len;
	struct irl_session *s = r->s;
	struct irl_pass *pass;
	uint32_t n[N(most)];
	size_t i;

	if(s->npasses == IRL_PASSES_MAX)
		return -1;
	for(i = 0; i < N(most); i++) {
		p = read_number(p, end, ' ', most[i], &n[i]);
		if(!p)
			return -1;
	}
	pass = &s->pass[s->npasses];
	pass->nroutes = (uint16_t)n[0];
	pass->said = (uint8_t)n[1];
	pass->guessed = (uint8_t)n[2];
	s->first.passes |= (uint16_t)(n[3] << s->npasses);
	s->first.answered |= (uint16_t)(n[4] << s->npasses);
	s->npasses++;
	pass->in = read_socket(r, &p, end);
	pass->out = read_socket(r, &p, end);
	return p == end ? 0 : -1;
}

static int read_cseq(struct irl_leg *leg, const str *value)
{
	return irl_record_number(value, IRL_CSEQ_STORED_MAX + 1, &leg->cseq);
}

static int read_state(struct irl_session *s, const str *value)
{
	s->state = is(value, "answered") ? IRL_ANSWERED : IRL_CONFIRMED;
	return s->state == IRL_ANSWERED || is(value, "confirmed") ? 0 : -1;
}

static int read_route(struct reader *r, const str *value)
{
	if(r->nroutes == IRL_ROUTES_MAX || !value->len)
		return -1;
	r->routes[r->nroutes++] = *value;
	return 0;
}

static int read_cause(struct irl_session *s, const str *value)
{
	uint32_t cause;

	if(irl_record_number(value, 999, &cause) || irl_cause_check((int)cause))
		return -1;
	s->resume_cause = (uint16_t)cause;
	return 0;
}

static int read_text(struct irl_session *s, const str *value)
{
	return irl_text_check(value)
				   ? -1
				   : irl_text_set(&s->text, &s->resume_text, value);
}

static int read_one(struct reader *r, const str *name, const str *value)
{
	struct irl_session *s = r->s;
	size_t i;

	for(i = 0; i < N(session_fields); i++) {
		if(is(name, session_fields[i].name))
			return read_field(&session_fields[i], &s->text, s, value);
	}
	for(i = 0; i < N(dialog_fields); i++) {
		if(is(name, dialog_fields[i].name))
			return read_field(&dialog_fields[i], &s->text, &s->first, value);
	}
	return is(name, "pass")			 ? read_pass(r, value)
		   : is(name, "route")		 ? read_route(r, value)
		   : is(name, "state")		 ? read_state(s, value)
		   : is(name, "caller-cseq") ? read_cseq(&s->first.leg[0], value)
		   : is(name, "callee-cseq") ? read_cseq(&s->first.leg[1], value)
		   : is(name, "cause")		 ? read_cause(s, value)
		   : is(name, "text")		 ? read_text(s, value)
									 : 0;
}

static int store_routes(struct reader *r)
{
	char packed[IRL_ROUTES_BYTES];
	str routes = {packed, 0};

	if(irl_routes_pack(
			   r->routes, r->nroutes, packed, sizeof(packed), &routes.len))
		return -1;
	r->s->first.nroutes = (uint8_t)r->nroutes;
	return irl_text_set(&r->s->text, &r->s->first.routes, &routes);
}

/* What a release cannot do without. */
static int is_whole(const struct irl_session *s)
{
	return s->callid.len && s->from.len && s->from_tag.len && s->first.to.len
		   && s->first.tag.len && s->npasses && s->first.answered
		   && s->state != IRL_EARLY;
}

static int read_all(struct reader *r, str rest)
{
	str name, value;
	int more, err;

	while((more = irl_record_next(&rest, &name, &value)) > 0) {
		err = read_one(r, &name, &value);
		if(err) {
			r->error = err == ENOMEM ? no_memory : "a value is out of range";
			return -1;
		}
	}
	err = more < 0 ? 0 : store_routes(r);
	r->error = more < 0			 ? "malformed"
			   : err == ENOMEM	 ? no_memory
			   : err			 ? "too many routes"
			   : !is_whole(r->s) ? "a field is missing"
								 : NULL;
	return r->error ? -1 : 0;
}

struct irl_session *irl_record_unpack(const str *text,
		const struct irl_record_sockets *sockets, const char **error)
{
	static const struct irl_invite nothing = {.cseq = IRL_CSEQ_NONE};
	struct reader r = {.sockets = sockets};

	*error = no_memory;
	r.s = irl_session_new(&nothing);
	if(!r.s)
		return NULL;
	if(read_all(&r, *text) < 0) {
		*error = r.error;
		irl_session_free(r.s);
		return NULL;
	}
	return r.s;
}
