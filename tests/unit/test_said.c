/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another node says: what is read, and what is refused */
#include "core_said.h"

#include "core_record.h"
#include "unit.h"

#define HEAD "node 5:sip:a boot 2:17 number 1:4 "

static int head_of(const char *text, struct irl_said *h, str *rest)
{
	*rest = unit_copy(text, strlen(text));
	return irl_said_head(rest, h);
}

static void head(void **state)
{
	struct irl_said h;
	str rest;
	char *copy;

	assert_int_equal(head_of(HEAD "count 1:0 ", &h, &rest), 0);
	copy = h.node.s - strlen("node 5:");
	unit_expect_str("head", "node", h.node, "sip:a");
	assert_int_equal(h.boot, 17);
	assert_int_equal(h.number, 4);
	unit_expect_str("head", "rest", rest, "count 1:0 ");
	free(copy);
}

static void no_head(void **state)
{
	static const char *const texts[] = {"", "node", "node 5:sip:a ",
			"boot 2:17 node 5:sip:a number 1:4 ",
			"node 0: boot 1:1 number 1:1 ", "node 3:a b boot 1:1 number 1:1 ",
			"node 5:a\r\n b boot 1:1 number 1:1 ",
			"node 5:sip:a boot 2:-1 number 1:4 ",
			"node 5:sip:a boot 10:4294967296 number 1:4 ",
			"node 5:sip:a boot 1:1 number 0: ",
			"node 5:sip:a boot 1:1 number 4:0x10 ",
			"node 5:sip:a boot 1:1 count 1:1 ",
			"node 9:sip:a boot 1:1 number 1:1 ",
			"node -1:x boot 1:1 number 1:1 "};
	struct irl_said h;
	size_t i;

	for(i = 0; i < COUNT(texts); i++) {
		str rest = unit_copy(texts[i], strlen(texts[i]));
		char *copy = rest.s;

		unit_expect_int(texts[i], "refused", irl_said_head(&rest, &h), -1);
		free(copy);
	}
}

static void long_name(void **state)
{
	char text[256];
	struct irl_said h;
	str rest;
	int len;

	for(len = IRL_NODE_NAME_MAX; len < IRL_NODE_NAME_MAX + 2; len++) {
		snprintf(text, sizeof(text), "node %d:%0*d boot 1:1 number 1:1 ", len,
				len, 0);
		rest.s = text;
		rest.len = (int)strlen(text);
		assert_int_equal(
				irl_said_head(&rest, &h), len > IRL_NODE_NAME_MAX ? -1 : 0);
	}
}

static void claim(void **state)
{
	static const char *const bad[] = {"", " ", "1", "1 2 3", "1 2 3 ",
			"1 2 sip:a", "-1 2 3 sip:a", "1  3 sip:a", "4294967296 2 3 sip:a",
			"1 2 3 sip a", "1 2 3x sip:a"};
	str text = unit_str("1700000000 17 4 sip:a");
	struct irl_said_claim c;
	size_t i;

	assert_int_equal(irl_said_claim(&text, &c), 0);
	assert_int_equal(c.at, 1700000000);
	assert_int_equal(c.boot, 17);
	assert_int_equal(c.number, 4);
	unit_expect_str("claim", "node", c.node, "sip:a");
	for(i = 0; i < COUNT(bad); i++) {
		text = unit_copy(bad[i], strlen(bad[i]));
		unit_expect_int(bad[i], "refused", irl_said_claim(&text, &c), -1);
		free(text.s);
	}
}

static void gone(void **state)
{
	struct irl_said_gone g = {.taken = UINT32_MAX}, again;
	char buf[256];
	str text = {buf, 0};
	int len, cut;

	g.callid = unit_str("a call: 1 ");
	g.from_tag = unit_str("from");
	g.tag = unit_str("to");
	len = irl_said_put_gone(&g, buf, sizeof(buf));
	assert_true(len > 0);
	text.len = len;
	assert_int_equal(irl_said_gone(&text, &again), 0);
	unit_expect_str("gone", "callid", again.callid, "a call: 1 ");
	unit_expect_str("gone", "from-tag", again.from_tag, "from");
	unit_expect_str("gone", "tag", again.tag, "to");
	assert_int_equal(again.taken, UINT32_MAX);
	for(cut = 0; cut < len; cut++) {
		str part = unit_copy(buf, (size_t)cut);

		assert_int_equal(irl_said_gone(&part, &again), -1);
		free(part.s);
		assert_int_equal(irl_said_put_gone(&g, buf + 100, cut), -1);
	}
}

/* What was told after a start is never taken for what was told before it. */
static void version(void **state)
{
	assert_true(irl_said_version(1, UINT32_MAX) != irl_said_version(2, 0));
	assert_true(irl_said_version(7, 1) < irl_said_version(7, 2));
	assert_int_equal(irl_said_version(7, 9) >> 32, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(head),
			cmocka_unit_test(no_head),
			cmocka_unit_test(long_name),
			cmocka_unit_test(claim),
			cmocka_unit_test(gone),
			cmocka_unit_test(version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
