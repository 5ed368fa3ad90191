/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From and To values of a peer, with the tag taken out, and printed again */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core_nameaddr.h"
#include "core_text.h"
#include "fuzz.h"

static const char tag[] = ";tag=z";

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static str trimmed(str v)
{
	while(v.len && is_blank(v.s[v.len - 1]))
		v.len--;
	return v;
}

/* The tag that is printed behind it is found, and taken out again. */
static void print_and_take_out(str once)
{
	size_t len = (size_t)once.len + sizeof(tag) - 1;
	char *printed = fuzz_room(len), *buf = fuzz_room(len + 2);
	str value = {printed, (int)len}, twice;

	memcpy(printed, once.s, (size_t)once.len);
	memcpy(printed + once.len, tag, sizeof(tag) - 1);
	HOLDS(irl_nameaddr_untagged(&value, buf, len + 2, &twice) == 0);
	once = trimmed(once);
	twice = trimmed(twice);
	HOLDS(irl_str_eq(&once, &twice));
	free(buf);
	free(printed);
}

/* A smaller buffer is not enough, and is not written beyond. */
static void try_smaller(const str *value, size_t size)
{
	char *buf = fuzz_room(size);
	str out = {NULL, -1};

	HOLDS(irl_nameaddr_untagged(value, buf, size, &out) == EMSGSIZE);
	HOLDS(out.s == NULL && out.len == -1);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str value = fuzz_copy(data, size), out = {NULL, -1};
	char *buf = fuzz_room(size + 2);
	int rc = irl_nameaddr_untagged(&value, buf, size + 2, &out);

	HOLDS(rc == 0 || rc == EINVAL);
	if(rc == 0) {
		HOLDS(out.s == buf && out.len > 2 && (size_t)out.len <= size + 2);
		HOLDS(!memchr(out.s, '\r', (size_t)out.len));
		HOLDS(!memchr(out.s, '\n', (size_t)out.len));
		print_and_take_out(out);
		try_smaller(&value, (size_t)out.len - 1);
	}
	free(buf);
	free(value.s);
	return 0;
}
