/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_nameaddr.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* End of the quoted string that begins at `p`: behind its closing quote, or
 * `end` when it has none. */
static const char *skip_quoted(const char *p, const char *end)
{
	for(p++; p < end; p++) {
		if(*p == '\\' && p + 1 < end)
			p++;
		else if(*p == '"')
			return p + 1;
	}
	return end;
}

/* The next `c` at or after `p`, outside quotes; `end` when there is none. */
static const char *find_unquoted(const char *p, const char *end, char c)
{
	const char *found, *quote;

	while(p < end) {
		found = memchr(p, c, (size_t)(end - p));
		if(!found)
			return end;
		quote = memchr(p, '"', (size_t)(found - p));
		if(!quote)
			return found;
		p = skip_quoted(quote, end);
	}
	return end;
}

/* The next semicolon or comma, outside quotes and angle brackets. */
static const char *find_separator(const char *p, const char *end)
{
	const char *close;

	while(p < end && *p != ';' && *p != ',') {
		close = *p == '<' ? memchr(p, '>', (size_t)(end - p)) : NULL;
		p = *p == '"' ? skip_quoted(p, end) : close ? close + 1 : p + 1;
	}
	return p < end ? p : end;
}

/* A quote is opened and not closed. */
static int has_open_quote(const char *p, const char *end)
{
	while(p < end && (p = memchr(p, '"', (size_t)(end - p)))) {
		for(p++; p < end && *p != '"'; p++) {
			if(*p == '\\')
				p++;
		}
		if(p >= end)
			return 1;
		p++;
	}
	return 0;
}

static int is_tag(const char *param, const char *end)
{
	while(param < end && isspace((unsigned char)*param))
		param++;
	if(end - param < 3 || strncasecmp(param, "tag", 3) != 0)
		return 0;
	param += 3;
	while(param < end && isspace((unsigned char)*param))
		param++;
	return param == end || *param == '=';
}

struct out
{
	char *s;
	size_t len, size;
};

static void put_char(struct out *o, char c)
{
	if(o->len < o->size)
		o->s[o->len] = c;
	o->len++;
}

/* Folded lines become one. */
static void unfold(char *s, size_t len)
{
	size_t i;

	if(!memchr(s, '\n', len) && !memchr(s, '\r', len))
		return;
	for(i = 0; i < len; i++) {
		if(s[i] == '\r' || s[i] == '\n')
			s[i] = ' ';
	}
}

static void put(struct out *o, const char *from, const char *to)
{
	size_t len = (size_t)(to - from);

	if(o->len + len <= o->size) {
		memcpy(o->s + o->len, from, len);
		unfold(o->s + o->len, len);
	}
	o->len += len;
}

static void trim_ws(const char **from, const char **to)
{
	while(*from < *to && isspace((unsigned char)**from))
		(*from)++;
	while(*from < *to && isspace((unsigned char)(*to)[-1]))
		(*to)--;
}

/* The parameters from `p` on, each with its semicolon, the tag left out; and
 * any with a '>' in a quoted value: tm looks for the last '>' of the value to
 * tell where the URI ends, and would print a malformed header. */
static void put_params(struct out *o, const char *p, const char *end)
{
	const char *next;

	for(; p < end; p = next) {
		next = find_unquoted(p + 1, end, ';');
		if(!is_tag(p + 1, next) && !memchr(p, '>', (size_t)(next - p)))
			put(o, p, next);
	}
}

/* A URI holds something, and nothing that would end it early. */
static int is_uri(const char *from, const char *to)
{
	trim_ws(&from, &to);
	return from < to && !memchr(from, '"', (size_t)(to - from))
		   && !memchr(from, '>', (size_t)(to - from));
}

int irl_nameaddr_untagged(const str *value, char *buf, size_t size, str *out)
{
	struct out o = {buf, 0, size};
	const char *p = value->s, *end, *open, *params, *close;

	if(value->len <= 0)
		return EINVAL;
	end = p + value->len;
	trim_ws(&p, &end);
	if(has_open_quote(p, end))
		return EINVAL;
	open = find_unquoted(p, end, '<');
	if(open < end) {
		close = memchr(open, '>', (size_t)(end - open));
		if(!close || !is_uri(open + 1, close))
			return EINVAL;
		params = find_unquoted(close, end, ';');
		put(&o, p, close + 1);
	} else {
		params = find_unquoted(p, end, ';');
		close = params;
		trim_ws(&p, &close);
		if(!is_uri(p, close))
			return EINVAL;
		put_char(&o, '<');
		put(&o, p, close);
		put_char(&o, '>');
	}
	put_params(&o, params, end);
	if(o.len > o.size)
		return EMSGSIZE;
	out->s = buf;
	out->len = (int)o.len;
	return 0;
}

/* Is `name = value` what stands from `p` to `end`? */
static int is_param(
		const char *p, const char *end, const char *name, str *value)
{
	const char *eq = memchr(p, '=', (size_t)(end - p)), *from, *to = eq;

	if(!eq)
		return 0;
	trim_ws(&p, &to);
	if((size_t)(to - p) != strlen(name)
			|| strncasecmp(p, name, (size_t)(to - p)) != 0)
		return 0;
	from = eq + 1;
	trim_ws(&from, &end);
	if(end - from >= 2 && *from == '"' && end[-1] == '"') {
		from++;
		end--;
	}
	value->s = (char *)from;
	value->len = (int)(end - from);
	return 1;
}

int irl_param_find(const str *list, const char *name, str *value)
{
	const char *p = list->s, *end, *next;

	if(list->len <= 0)
		return 0;
	for(end = p + list->len; p < end; p = next + 1) {
		next = find_separator(p, end);
		if(is_param(p, next, name, value))
			return value->len > 0;
	}
	return 0;
}

int irl_uri_is_plain(const str *uri)
{
	/* '!' to '~', but '"', '<', '>', '\\', '^', '`', '{', '|' and '}' */
	static const char plain[256] = {['!'] = 1,
			['#' ... ';'] = 1,
			['='] = 1,
			['?' ... '['] = 1,
			[']'] = 1,
			['_'] = 1,
			['a' ... 'z'] = 1,
			['~'] = 1};
	const unsigned char *p = (const unsigned char *)uri->s;
	const unsigned char *end = p + uri->len;

	while(p < end && plain[*p])
		p++;
	return p == end && uri->len > 0;
}
