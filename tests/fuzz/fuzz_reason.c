/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a release, checked, then printed: one header line, whatever */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core_reason.h"
#include "fuzz.h"

static const char begin[] = "Reason: SIP;cause=480";
static const char quoted[] = ";text=\"";

/* What stands in the quotes is the text, with quotes and backslashes escaped,
 * and nothing ends the quotes before their time. */
static void expect_quoted(const char *p, const char *end, const str *text)
{
	int i;

	for(i = 0; i < text->len; i++) {
		if(text->s[i] == '"' || text->s[i] == '\\')
			HOLDS(p < end && *p++ == '\\');
		HOLDS(p < end && *p++ == text->s[i]);
	}
	HOLDS(end - p == 3 && !memcmp(p, "\"\r\n", 3));
}

static void expect_line(const char *line, size_t n, const str *text)
{
	const char *p = line + sizeof(begin) - 1, *end = line + n;

	HOLDS(n >= sizeof(begin) + 1 && !memcmp(line, begin, sizeof(begin) - 1));
	/* one line: its end is the only one */
	HOLDS(memchr(line, '\r', n) == end - 2);
	HOLDS(memchr(line, '\n', n) == end - 1);
	HOLDS(!memchr(line, '\0', n));
	if(!text->len) {
		HOLDS(end - p == 2);
		return;
	}
	HOLDS((size_t)(end - p) > sizeof(quoted) - 1);
	HOLDS(!memcmp(p, quoted, sizeof(quoted) - 1));
	expect_quoted(p + sizeof(quoted) - 1, end, text);
}

/* What is accepted is printed as it is read again, on one line. */
static void read_others(const str *given)
{
	char *first = fuzz_room(IRL_OTHERS_MAX), *second;
	const char *error = NULL;
	str sent = {first, irl_others_read(given, first, &error)};
	int i;

	if(sent.len < 0)
		HOLDS(error && *error);
	else if(sent.len) {
		HOLDS(sent.len <= IRL_OTHERS_MAX);
		for(i = 0; i < sent.len; i++)
			HOLDS((unsigned char)sent.s[i] >= ' ' && sent.s[i] != 0x7f);
		second = fuzz_room(IRL_OTHERS_MAX);
		HOLDS(irl_others_read(&sent, second, &error) == sent.len);
		HOLDS(!memcmp(first, second, (size_t)sent.len));
		free(second);
	}
	free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str text = fuzz_copy(data, size);
	int rc = irl_text_check(&text);
	struct irl_reason reason = {480, text, {NULL, 0}};
	char *buf;
	size_t n, room;

	read_others(&text);
	HOLDS(rc == 0 || rc == EILSEQ || rc == EMSGSIZE);
	HOLDS((rc == EMSGSIZE) == (size > IRL_TEXT_MAX));
	if(rc == 0) {
		buf = fuzz_room(IRL_REASON_MAX);
		n = irl_reason_print(buf, IRL_REASON_MAX, &reason);
		HOLDS(n > 0 && n <= IRL_REASON_MAX);
		expect_line(buf, n, &text);
		free(buf);
		for(room = 1; room < n; room += 7) {
			buf = fuzz_room(room);
			HOLDS(irl_reason_print(buf, room, &reason) == 0);
			free(buf);
		}
	}
	free(text.s);
	return 0;
}
