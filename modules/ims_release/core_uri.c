/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_uri.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Where the user part begins: behind `sip:` or `sips:`. NULL: another scheme. */
static const char *after_scheme(const char *p, const char *end)
{
	if(end - p > 4 && strncasecmp(p, "sip:", 4) == 0)
		return p + 4;
	if(end - p > 5 && strncasecmp(p, "sips:", 5) == 0)
		return p + 5;
	return NULL;
}

/* The first of these characters, else the end. */
static const char *find(const char *p, const char *end, const char *chars)
{
	while(p < end && !(*p && strchr(chars, *p)))
		p++;
	return p;
}

static str part(const char *p, const char *end)
{
	str s = {(char *)p, (int)(end - p)};

	return s;
}

int irl_uri_split(const str *uri, struct irl_uri *parts)
{
	const char *end, *p, *at, *host;

	if(uri->len <= 0)
		return EINVAL;
	end = uri->s + uri->len;
	p = after_scheme(uri->s, end);
	if(!p)
		return EINVAL;
	at = find(p, end, "@");
	parts->user = part(p, at < end ? at : p);
	host = at < end ? at + 1 : p;
	p = host < end && *host == '[' ? find(host, end, "]") : host;
	parts->host = part(host, find(p, end, ":;?"));
	parts->params = find(p, end, ";?");
	parts->headers = find(parts->params, end, "?");
	parts->end = end;
	return 0;
}

/* Is the parameter from the semicolon at `p` on this one? */
static int is_method(const char *p, const char *next)
{
	const char *name = p + 1, *end = find(name, next, "=");

	return end - name == 6 && strncasecmp(name, "method", 6) == 0;
}

/* Copy the parameters but that one. @return bytes */
static size_t put_params(const struct irl_uri *parts, char *buf)
{
	const char *p, *next;
	size_t n = 0;

	for(p = parts->params; p < parts->headers; p = next) {
		next = find(p + 1, parts->headers, ";");
		if(is_method(p, next))
			continue;
		memcpy(buf + n, p, (size_t)(next - p));
		n += (size_t)(next - p);
	}
	return n;
}

static int has_method(const struct irl_uri *parts)
{
	const char *p, *next;

	for(p = parts->params; p < parts->headers; p = next) {
		next = find(p + 1, parts->headers, ";");
		if(is_method(p, next))
			return 1;
	}
	return 0;
}

str irl_uri_for_request(const str *uri, char *buf, size_t size)
{
	struct irl_uri parts;
	size_t n;
	str out;

	if(irl_uri_split(uri, &parts) != 0)
		return *uri;
	out = part(uri->s, parts.headers);
	if((size_t)out.len > size || !has_method(&parts))
		return out;
	n = (size_t)(parts.params - uri->s);
	memcpy(buf, uri->s, n);
	return part(buf, buf + n + put_params(&parts, buf + n));
}
