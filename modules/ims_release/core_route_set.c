/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_route_set.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core_session.h"

int irl_routes_pack(const str *routes, int n, char *buf, size_t size, int *len)
{
	size_t used = 0, entry;
	int i;

	if(n > IRL_ROUTES_MAX)
		return EMSGSIZE;
	for(i = 0; i < n; i++) {
		entry = (size_t)routes[i].len;
		if(entry > 0xffff || used + 2 + entry > size)
			return EMSGSIZE;
		buf[used++] = (char)(entry >> 8);
		buf[used++] = (char)(entry & 0xff);
		memcpy(buf + used, routes[i].s, entry);
		used += entry;
	}
	*len = (int)used;
	return 0;
}

int irl_routes_unpack(const str *packed, str *routes)
{
	const unsigned char *p = (const unsigned char *)packed->s;
	int n = 0, at = 0;

	while(at + 2 <= packed->len && n < IRL_ROUTES_MAX) {
		routes[n].len = p[at] << 8 | p[at + 1];
		routes[n].s = packed->s + at + 2;
		at += 2 + routes[n].len;
		if(at > packed->len)
			break;
		n++;
	}
	return n;
}

/* "r2=on" among the parameters of the entry: one of two that belong together */
static int is_double(const str *route)
{
	static const char mark[] = "r2=on";
	int i, len = (int)sizeof(mark) - 1;

	for(i = 1; i + len <= route->len; i++) {
		if(route->s[i - 1] == ';'
				&& strncasecmp(route->s + i, mark, (size_t)len) == 0
				&& (i + len == route->len || strchr(";>", route->s[i + len])))
			return 1;
	}
	return 0;
}

int irl_routes_own(const str *routes, int n, int at, irl_is_own_f is_own)
{
	if(at >= n || !is_own(&routes[at]))
		return 0;
	if(at + 1 < n && is_double(&routes[at]) && is_double(&routes[at + 1])
			&& is_own(&routes[at + 1]))
		return 2;
	return 1;
}

int irl_routes_passes(const str *routes, int n, irl_is_own_f is_own)
{
	int at = 0, own, count = 0;

	while(at < n) {
		own = irl_routes_own(routes, n, at, is_own);
		count += own > 0;
		at += own ? own : 1;
	}
	return count;
}

int irl_routes_towards(const str *routes, int n, int at, int own, int to_callee,
		int through_us, str *out)
{
	int first, i, count = 0;

	if(at > n)
		at = n;
	if(to_callee) {
		first = through_us ? at : at + own;
		for(i = first; i < n; i++)
			out[count++] = routes[i];
	} else {
		first = through_us ? at + own : at;
		for(i = first - 1; i >= 0; i--)
			out[count++] = routes[i];
	}
	return count;
}
