/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file unit.h  What every unit test needs: cmocka, texts, failing memory
 *
 * Each test program is one test_*.c, linked with the core and with the other
 * files of this folder.
 *
 * A scenario is a function that works on one session. UNIT_SCENARIO() makes
 * two tests of it: once with memory, and once more for each of its
 * allocations, with that one failing. Every call that may run out of memory
 * stands in NEED(), which ends the scenario if, and only if, memory was
 * refused.
 */
#ifndef IRL_UNIT_H
#define IRL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_session.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Debian 12's clang-format and 13's differ here. */
/* clang-format off */
/** A literal with its zero bytes, if it has any. */
#define BYTES(literal)                              \
	{                                               \
		(char *)(literal), (int)sizeof(literal) - 1 \
	}
/* clang-format on */

/** @return the string as a str; NULL is the empty one */
str unit_str(const char *s);

/** A copy in memory of exactly its size, so that a read beyond it shows.
 * @return to be given to free() as `.s` */
str unit_copy(const char *s, size_t len);

/** Fails the current test unless `got` has the bytes of `want`. */
void unit_expect_str(
		const char *row, const char *what, str got, const char *want);

/** Fails the current test, naming the row of its table. */
#define unit_expect_int(row, what, got, want) \
	unit_expect_int_at((row), (what), (long)(got), (long)(want), __LINE__)
void unit_expect_int_at(
		const char *row, const char *what, long got, long want, int line);

/* ---- memory ---- */

/** Forget what was counted; the `fail_at`th allocation from now on fails
 * (0: none). */
void unit_mem_reset(long fail_at);

/** Refuse everything, or nothing. */
void unit_mem_refuse(int all);

/** @return blocks that are allocated and not released */
long unit_mem_live(void);

/** @return allocations refused since the reset */
long unit_mem_refused(void);

/** @return allocations asked for since the reset */
long unit_mem_asked(void);

/* ---- scenarios ---- */

/** `*s` is freed by who runs the scenario. */
typedef void (*unit_scenario_f)(struct irl_session **s);

/** cmocka's test functions; the initial state is the scenario. */
void unit_run(void **state);
void unit_run_without_memory(void **state);

#define NEED(cond)                                       \
	do {                                                 \
		if(!(cond)) {                                    \
			assert_int_not_equal(unit_mem_refused(), 0); \
			return;                                      \
		}                                                \
	} while(0)

/* as above */
/* clang-format off */
#define UNIT_SCENARIO(f)                                                      \
	{#f, unit_run, NULL, NULL, (void *)(f)},                                  \
	{                                                                         \
#f " (each allocation refused)", unit_run_without_memory, NULL, NULL, \
				(void *)(f)                                                   \
	}
/* clang-format on */

#endif
