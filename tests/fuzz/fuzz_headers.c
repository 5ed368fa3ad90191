/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Header lines of an operator or a script: whole lines, none that is reserved */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core_headers.h"
#include "fuzz.h"

static const char *const reserved[] = {"Via", "v", "Route", "Record-Route",
		"From", "f", "To", "t", "Call-ID", "i", "CSeq", "Max-Forwards",
		"Content-Length", "l", "Reason"};

static void expect_line(const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));
	const char *name;
	size_t i;

	HOLDS(colon && colon > line && *line != ' ' && *line != '\t');
	HOLDS(!memchr(line, '\r', (size_t)(end - line)));
	for(name = colon; name > line && strchr(" \t", name[-1]);)
		name--;
	for(i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		HOLDS(strlen(reserved[i]) != (size_t)(name - line)
				|| strncasecmp(line, reserved[i], (size_t)(name - line)) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str lines = fuzz_copy(data, size), once, twice;
	const char *p, *end;

	once.s = fuzz_room(IRL_HEADERS_ROOM(size));
	once.len = irl_headers_normalize(&lines, once.s);
	if(once.len >= 0) {
		HOLDS((size_t)once.len <= IRL_HEADERS_ROOM(size));
		end = once.s + once.len;
		for(p = once.s; p < end;) {
			const char *lf = memchr(p, '\n', (size_t)(end - p));

			HOLDS(lf && lf > p && lf[-1] == '\r');
			expect_line(p, lf - 1);
			p = lf + 1;
		}
		twice.s = fuzz_room(IRL_HEADERS_ROOM(once.len));
		twice.len = irl_headers_normalize(&once, twice.s);
		HOLDS(once.len == twice.len);
		HOLDS(!once.len || !memcmp(once.s, twice.s, (size_t)once.len));
		free(twice.s);
	}
	free(once.s);
	free(lines.s);
	return 0;
}
