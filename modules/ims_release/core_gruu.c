/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_gruu.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core_uri.h"

static const char *find(const char *p, const char *end, char c)
{
	const char *at = memchr(p, c, (size_t)(end - p));

	return at ? at : end;
}

/* Look for the parameter `gr` from the semicolon at `p` on. */
static enum irl_gruu_kind find_gr(const char *p, const char *end, str *value)
{
	const char *next;

	for(; p < end; p = next) {
		p++;
		next = find(p, end, ';');
		if(next - p < 2 || strncasecmp(p, "gr", 2) != 0)
			continue;
		if(next - p == 2 || (next - p == 3 && p[2] == '='))
			return IRL_TEMPORARY_GRUU;
		if(p[2] != '=')
			continue;
		value->s = (char *)p + 3;
		value->len = (int)(next - p - 3);
		return IRL_PUBLIC_GRUU;
	}
	return IRL_NO_GRUU;
}

enum irl_gruu_kind irl_gruu_parse(const str *uri, struct irl_gruu *gruu)
{
	struct irl_uri parts;

	memset(gruu, 0, sizeof(*gruu));
	/* a GRUU is somebody's; semicolons of the user part are no parameters */
	if(irl_uri_split(uri, &parts) != 0 || !parts.user.len || !parts.host.len)
		return IRL_NO_GRUU;
	gruu->kind = find_gr(parts.params, parts.headers, &gruu->instance);
	gruu->aor.s = uri->s;
	gruu->aor.len = (int)(parts.params - uri->s);
	gruu->user = parts.user;
	gruu->host = parts.host;
	return gruu->kind;
}

int irl_gruu_is_of(const struct irl_gruu *gruu, const str *impu)
{
	struct irl_uri home;

	return irl_uri_split(impu, &home) != 0 || !home.host.len
		   || (home.host.len == gruu->host.len
				   && strncasecmp(
							  home.host.s, gruu->host.s, (size_t)home.host.len)
							  == 0);
}

/* Take a pair of characters off both ends. */
static void strip(const char **p, const char **end, char open, char close)
{
	if(*end - *p >= 2 && **p == open && (*end)[-1] == close) {
		(*p)++;
		(*end)--;
	}
}

static int hex(char c)
{
	if(c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next character of an escaped text. */
static int unescaped(const char **p, const char *end)
{
	const char *at = *p;
	int escaped = *at == '%' && end - at > 2;
	int high = escaped ? hex(at[1]) : -1, low = escaped ? hex(at[2]) : -1;

	if(high >= 0 && low >= 0) {
		*p = at + 3;
		return high * 16 + low;
	}
	*p = at + 1;
	return (unsigned char)*at;
}

int irl_gruu_is_instance(const struct irl_gruu *gruu, const str *instance)
{
	const char *p, *end, *i, *iend;

	if(gruu->kind != IRL_PUBLIC_GRUU || instance->len <= 0)
		return 0;
	p = gruu->instance.s;
	end = p + gruu->instance.len;
	i = instance->s;
	iend = i + instance->len;
	strip(&i, &iend, '"', '"');
	strip(&i, &iend, '<', '>');
	while(p < end && i < iend) {
		if(tolower(unescaped(&p, end)) != tolower((unsigned char)*i))
			return 0;
		i++;
	}
	return p == end && i == iend;
}

int irl_gruu_token(const str *user, str *ruid, unsigned int *aor_hash)
{
	int i, digit;

	*aor_hash = 0;
	for(i = user->len - 1; i >= 0 && user->s[i] != '-'; i--) {
		digit = hex(user->s[i]);
		if(digit < 0 || user->len - i > 8)
			return EINVAL;
		*aor_hash = *aor_hash << 4 | (unsigned int)digit;
	}
	if(i <= 0 || i == user->len - 1)
		return EINVAL;
	ruid->s = user->s;
	ruid->len = i;
	return 0;
}
