/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_text.h  Text of a session: one growing block for all its strings
 *
 * A session keeps a dozen strings that rarely change. They stand in one
 * block, and the record holds slices of it: one allocation a session instead
 * of one a string, and no pointer that another process could see dangling.
 */
#ifndef IRL_CORE_TEXT_H
#define IRL_CORE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

/** Where the core takes memory from: shared memory in Kamailio, malloc in the
 * unit tests. Set before the first call of anything that allocates. */
struct irl_mem
{
	void *(*alloc)(size_t size);
	void (*release)(void *p);
};
extern struct irl_mem irl_mem;

/** A slice of the block. All zero: no text. */
struct irl_text
{
	uint16_t off;
	uint16_t len;
	uint16_t cap; /**< room at `off`, so that a value may grow in place */
};

struct irl_block
{
	char *s;
	uint16_t used;
	uint16_t size;
};

/** Most bytes of text a session may hold. */
#define IRL_BLOCK_MAX 32768

static inline str irl_text_get(const struct irl_block *b, struct irl_text t)
{
	str v = {"", t.len};

	if(t.len)
		v.s = b->s + t.off;
	return v;
}

/**
 * Make room for a value of `len` bytes; what is stored stays.
 *
 * @return 0, ENOMEM, or EOVERFLOW when the block would exceed IRL_BLOCK_MAX
 */
int irl_text_reserve(struct irl_block *b, struct irl_text *t, int len);

/**
 * Store a value in a slice, in place where it fits.
 *
 * @return 0, ENOMEM, or EOVERFLOW when the block would exceed IRL_BLOCK_MAX;
 *         on an error the old value stays
 * @param value not part of the block itself
 */
int irl_text_set(struct irl_block *b, struct irl_text *t, const str *value);

/** Copy a whole block. @return 0 or ENOMEM */
int irl_block_copy(struct irl_block *dst, const struct irl_block *src);

/**
 * Lay the block anew, of nothing but these texts.
 *
 * @param texts all that are still needed
 * @return 0, ENOMEM or EOVERFLOW: nothing has changed
 */
int irl_block_compact(
		struct irl_block *b, struct irl_text *const *texts, int n);

void irl_block_free(struct irl_block *b);

/**
 * Where to cut a text that is too long: not within a UTF-8 character. Bytes
 * that are none may be cut anywhere.
 *
 * @return how many bytes there is room for, `most` or fewer
 */
int irl_text_cut(const str *text, int most);

/** @return 1 when both have the same bytes */
static inline int irl_str_eq(const str *a, const str *b)
{
	return a->len == b->len
		   && (a->len == 0 || !__builtin_memcmp(a->s, b->s, (size_t)a->len));
}

/** @return 1 when it is this word */
static inline int irl_str_is(const str *s, const char *word)
{
	const str w = {(char *)word, (int)__builtin_strlen(word)};

	return irl_str_eq(s, &w);
}

#endif
