/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *property, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
	abort();
}

char *fuzz_room(size_t size)
{
	char *p = malloc(size ? size : 1);

	HOLDS(p != NULL);
	return p;
}

str fuzz_copy(const uint8_t *data, size_t size)
{
	str v = {fuzz_room(size), (int)size};

	if(size)
		memcpy(v.s, data, size);
	return v;
}

uint8_t fuzz_byte(struct fuzz_input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

uint32_t fuzz_number(struct fuzz_input *in)
{
	uint32_t n = 0;
	int i;

	for(i = 0; i < 4; i++)
		n = n << 8 | fuzz_byte(in);
	return n;
}

unsigned fuzz_below(struct fuzz_input *in, unsigned n)
{
	return fuzz_byte(in) % n;
}

str fuzz_text(struct fuzz_input *in, size_t max)
{
	size_t len = fuzz_below(in, 64), left;
	str v;

	/* now and then a long one, so that blocks grow */
	if(len == 63)
		len += 16 * (size_t)fuzz_byte(in);
	left = (size_t)(in->end - in->p);
	len = len > max ? max : len;
	len = len > left ? left : len;
	v.s = (char *)in->p;
	v.len = (int)len;
	in->p += len;
	return v;
}
