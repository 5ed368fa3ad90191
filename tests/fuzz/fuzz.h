/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file fuzz.h  What the fuzz targets share: properties, and bytes as choices
 */
#ifndef IRL_FUZZ_H
#define IRL_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A property of the code under test: says which one does not hold. */
#define HOLDS(property) \
	((property) ? (void)0 : fuzz_fail(#property, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *property, const char *file, int line);

/** The input in memory of exactly its size, so that a read beyond it shows.
 * @return to be given to free() as `.s` */
str fuzz_copy(const uint8_t *data, size_t size);

/** Memory of exactly that size. */
char *fuzz_room(size_t size);

/** The input, taken as one choice after another; zeros when it is used up. */
struct fuzz_input
{
	const uint8_t *p, *end;
};

uint8_t fuzz_byte(struct fuzz_input *in);
uint32_t fuzz_number(struct fuzz_input *in);

/** A choice below `n`. */
unsigned fuzz_below(struct fuzz_input *in, unsigned n);

/** The next bytes of the input, at most `max`; they stay where they are. */
str fuzz_text(struct fuzz_input *in, size_t max);

#endif
