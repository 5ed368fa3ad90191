/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

/* More allocations than any scenario makes. */
#define MANY 10000

static long live, asked, refused, fail_at;
static int refuse_all;

static void *mem_alloc(size_t size)
{
	void *p;

	asked++;
	if(refuse_all || asked == fail_at) {
		refused++;
		return NULL;
	}
	p = malloc(size);
	assert_non_null(p);
	/* what is not initialized shall not look as if it were */
	memset(p, 0xa5, size);
	live++;
	return p;
}

static void mem_release(void *p)
{
	assert_non_null(p);
	live--;
	free(p);
}

__attribute__((constructor)) static void mem_init(void)
{
	irl_mem.alloc = mem_alloc;
	irl_mem.release = mem_release;
}

void unit_mem_reset(long at)
{
	live = asked = refused = 0;
	refuse_all = 0;
	fail_at = at;
}

void unit_mem_refuse(int all)
{
	refuse_all = all;
}

long unit_mem_live(void)
{
	return live;
}

long unit_mem_refused(void)
{
	return refused;
}

long unit_mem_asked(void)
{
	return asked;
}

static void run_once(unit_scenario_f scenario, long at)
{
	struct irl_session *s = NULL;

	unit_mem_reset(at);
	scenario(&s);
	unit_mem_refuse(0);
	irl_session_free(s);
	assert_int_equal(live, 0);
}

void unit_run(void **state)
{
	run_once((unit_scenario_f)*state, 0);
}

void unit_run_without_memory(void **state)
{
	long at;

	for(at = 1; at < MANY; at++) {
		run_once((unit_scenario_f)*state, at);
		if(asked < at)
			return;
	}
	fail_msg("%s", "no end of allocations");
}

str unit_str(const char *s)
{
	str v = {(char *)s, s ? (int)strlen(s) : 0};

	return v;
}

str unit_copy(const char *s, size_t len)
{
	str v = {malloc(len ? len : 1), (int)len};

	assert_non_null(v.s);
	if(len)
		memcpy(v.s, s, len);
	return v;
}

void unit_expect_str(
		const char *row, const char *what, str got, const char *want)
{
	str w = unit_str(want);

	if(!irl_str_eq(&got, &w))
		fail_msg("%s: %s is [%.*s], not [%s]", row, what, got.len,
				got.len ? got.s : "", want ? want : "");
}

void unit_expect_int_at(
		const char *row, const char *what, long got, long want, int line)
{
	if(got != want)
		fail_msg(
				"%s: %s is %ld, not %ld (line %d)", row, what, got, want, line);
}
