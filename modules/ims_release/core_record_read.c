/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_record.h"

#include <errno.h>
#include <string.h>

#include "core_cseq.h"
#include "core_record_fields.h"
#include "core_route_set.h"

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
		if(*p == '\r' || *p == '\n')
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
	static const uint32_t most[] = {
			IRL_ROUTES_UNKNOWN, IRL_BOTH, IRL_BOTH, 1, 1};
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

static int read_others(struct irl_session *s, const str *value)
{
	char buf[IRL_OTHERS_MAX];
	str others = {buf, 0};
	const char *error;

	others.len = irl_others_read(value, buf, &error);
	return others.len < 0 ? -1
						  : irl_text_set(&s->text, &s->resume_others, &others);
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
		   : is(name, "reason")		 ? read_others(s, value)
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
