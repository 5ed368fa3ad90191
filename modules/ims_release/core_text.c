/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_text.h"

#include <errno.h>
#include <string.h>

/* A block begins with what an ordinary call needs, and grows in steps: few
 * sizes, so that the shared memory manager finds a free one at once. */
#define BLOCK_FIRST 512
#define BLOCK_STEP 256

struct irl_mem irl_mem;

static int is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

int irl_text_cut(const str *text, int most)
{
	int n = most;

	if(text->len <= most)
		return text->len;
	while(n > 0 && n > most - 3 && is_continuation(text->s[n]))
		n--;
	return is_continuation(text->s[n]) ? most : n;
}

/* Room for `need` more bytes at the end of the block. */
static int block_reserve(struct irl_block *b, size_t need)
{
	size_t size = (size_t)b->used + need;
	char *s;

	if(size <= b->size)
		return 0;
	if(size > IRL_BLOCK_MAX)
		return EOVERFLOW;
	size = size < BLOCK_FIRST
				   ? BLOCK_FIRST
				   : (size + BLOCK_STEP - 1) / BLOCK_STEP * BLOCK_STEP;
	s = irl_mem.alloc(size);
	if(!s)
		return ENOMEM;
	if(b->s) {
		memcpy(s, b->s, b->used);
		irl_mem.release(b->s);
	}
	b->s = s;
	b->size = (uint16_t)size;
	return 0;
}

int irl_text_reserve(struct irl_block *b, struct irl_text *t, int len)
{
	size_t cap = len > 0 ? (size_t)len : 0;
	uint16_t off;
	int err;

	if(cap <= t->cap)
		return 0;
	/* doubling keeps what outgrown values waste below what is in use, however
	 * often a peer changes its contact */
	if(t->cap && cap < 2u * t->cap)
		cap = 2u * t->cap;
	err = block_reserve(b, cap);
	if(err)
		return err;
	off = b->used;
	if(t->len)
		memcpy(b->s + off, b->s + t->off, t->len);
	t->off = off;
	t->cap = (uint16_t)cap;
	b->used = (uint16_t)(b->used + cap);
	return 0;
}

int irl_text_set(struct irl_block *b, struct irl_text *t, const str *value)
{
	int err = irl_text_reserve(b, t, value->len);

	if(err)
		return err;
	t->len = value->len > 0 ? (uint16_t)value->len : 0;
	if(t->len)
		memcpy(b->s + t->off, value->s, t->len);
	return 0;
}

int irl_block_copy(struct irl_block *dst, const struct irl_block *src)
{
	memset(dst, 0, sizeof(*dst));
	if(!src->used)
		return 0;
	dst->s = irl_mem.alloc(src->size);
	if(!dst->s)
		return ENOMEM;
	memcpy(dst->s, src->s, src->used);
	dst->used = src->used;
	dst->size = src->size;
	return 0;
}

int irl_block_compact(struct irl_block *b, struct irl_text *const *texts, int n)
{
	struct irl_block fresh = {NULL, 0, 0};
	size_t need = 0;
	int i, err;

	for(i = 0; i < n; i++)
		need += texts[i]->len;
	err = block_reserve(&fresh, need);
	if(err)
		return err;
	for(i = 0; i < n; i++) {
		if(fresh.s && texts[i]->len)
			memcpy(fresh.s + fresh.used, b->s + texts[i]->off, texts[i]->len);
		texts[i]->off = fresh.used;
		texts[i]->cap = texts[i]->len;
		fresh.used = (uint16_t)(fresh.used + texts[i]->len);
	}
	irl_block_free(b);
	*b = fresh;
	return 0;
}

void irl_block_free(struct irl_block *b)
{
	if(b->s)
		irl_mem.release(b->s);
	memset(b, 0, sizeof(*b));
}
