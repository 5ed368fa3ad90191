/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GRUUs taken apart (RFC 5627), and what `release_on` says */
#include <errno.h>

#include "core_gruu.h"
#include "core_reason.h"
#include "core_registration.h"
#include "unit.h"

#define UUID "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

static const struct uri_row
{
	const char *uri;
	enum irl_gruu_kind kind;
	const char *aor, *part; /* instance, or user of a temporary one */
} uris[] = {
		/* clang-format off */
		{"sip:a@h;gr=" UUID,            IRL_PUBLIC_GRUU,    "sip:a@h", UUID},
		{"sips:a@h:5061;lr;gr=x;b=c",   IRL_PUBLIC_GRUU,    "sips:a@h:5061", "x"},
		{"SIP:a@[::1]:1;GR=x",          IRL_PUBLIC_GRUU,    "SIP:a@[::1]:1", "x"},
		{"sip:a@h;gr=x?h=v;w",          IRL_PUBLIC_GRUU,    "sip:a@h", "x"},
		{"sip:a?b@h;gr=x",              IRL_PUBLIC_GRUU,    "sip:a?b@h", "x"},
		{"sip:tok-1f@h;gr",             IRL_TEMPORARY_GRUU, "sip:tok-1f@h", "tok-1f"},
		{"sip:tok-1f@h;x=1;gr;y",       IRL_TEMPORARY_GRUU, "sip:tok-1f@h", "tok-1f"},
		{"sip:tok@h;gr=",               IRL_TEMPORARY_GRUU, "sip:tok@h", "tok"},
		{"sip:a;gr=u@h;gr=x",           IRL_PUBLIC_GRUU,    "sip:a;gr=u@h", "x"},
		/* no parameter of the URI has that name */
		{"sip:a@h",                     IRL_NO_GRUU, NULL, NULL},
		{"sip:a@h;grid=1;xgr=2;g=r",    IRL_NO_GRUU, NULL, NULL},
		{"sip:a;gr=u@h",                IRL_NO_GRUU, NULL, NULL},
		{"sip:a;gr@h",                  IRL_NO_GRUU, NULL, NULL},
		{"sip:a@h?x=;gr=1",             IRL_NO_GRUU, NULL, NULL},
		{"sip:a@h; gr=1",               IRL_NO_GRUU, NULL, NULL},
		/* nobody's, or no SIP URI */
		{"sip:h;gr=x",                  IRL_NO_GRUU, NULL, NULL},
		{"sip:@h;gr=x",                 IRL_NO_GRUU, NULL, NULL},
		{"sip:a@;gr=x",                 IRL_NO_GRUU, NULL, NULL},
		{"tel:+1234;gr=x",              IRL_NO_GRUU, NULL, NULL},
		{"a@h;gr=x",                    IRL_NO_GRUU, NULL, NULL},
		{"sip:",                        IRL_NO_GRUU, NULL, NULL},
		{";gr",                         IRL_NO_GRUU, NULL, NULL},
		{"",                            IRL_NO_GRUU, NULL, NULL},
		/* clang-format on */
};

static void parse(void **state)
{
	const struct uri_row *r;
	struct irl_gruu gruu;
	str uri;

	(void)state;
	for(r = uris; r < uris + sizeof(uris) / sizeof(uris[0]); r++) {
		uri = unit_str(r->uri);
		print_message("%s\n", r->uri);
		assert_int_equal(irl_gruu_parse(&uri, &gruu), r->kind);
		assert_int_equal(gruu.kind, r->kind);
		if(!r->kind)
			continue;
		unit_expect_str(r->uri, "aor", gruu.aor, r->aor);
		unit_expect_str(r->uri, "part",
				r->kind == IRL_PUBLIC_GRUU ? gruu.instance : gruu.user,
				r->part);
	}
}

static const struct instance_row
{
	const char *uri, *instance;
	int same;
} instances[] = {
		/* clang-format off */
		{"sip:a@h;gr=" UUID,          "<" UUID ">",      1},
		{"sip:a@h;gr=" UUID,          "\"<" UUID ">\"",  1},
		{"sip:a@h;gr=" UUID,          UUID,              1},
		{"sip:a@h;gr=URN:UUID:Ab",    "<urn:uuid:aB>",   1},
		{"sip:a@h;gr=urn%3auuid%3Aab", "<urn:uuid:ab>",  1},
		{"sip:a@h;gr=urn:uuid:a",     "<urn:uuid:ab>",   0},
		{"sip:a@h;gr=urn:uuid:ab",    "<urn:uuid:a>",    0},
		{"sip:a@h;gr=a%3",            "<a:>",            0},
		{"sip:a@h;gr=a%zz",           "<a%zz>",          1},
		{"sip:a@h;gr=x",              "<>",              0},
		{"sip:a@h;gr=x",              "<",               0},
		{"sip:a@h;gr=x",              "",                0},
		{"sip:a@h;gr",                "<a>",             0},
		{"sip:a@h",                   "<a>",             0},
		/* clang-format on */
};

static void instance(void **state)
{
	const struct instance_row *r;
	struct irl_gruu gruu;
	str uri, have;

	(void)state;
	for(r = instances; r < instances + sizeof(instances) / sizeof(instances[0]);
			r++) {
		print_message("%s %s\n", r->uri, r->instance);
		uri = unit_str(r->uri);
		have = unit_str(r->instance);
		irl_gruu_parse(&uri, &gruu);
		assert_int_equal(irl_gruu_is_instance(&gruu, &have), r->same);
	}
}

static const struct owner_row
{
	const char *uri, *impu;
	int is_his;
} owners[] = {
		/* clang-format off */
		{"sip:a@h;gr=x",              "sip:b@h",              1},
		{"sip:a@IMS.example:5060;gr", "sips:b@ims.EXAMPLE",   1},
		{"sip:a@h;gr",                "sip:b@h:5062;u=x?y=z", 1},
		{"sip:a@h;gr",                "sip:b@h?y=z",          1},
		{"sip:a@h;gr",                "sip:h",                1},
		{"sip:a@[::1]:5060;gr",       "sip:a@[::1]",          1},
		{"sip:a@[::1];gr",            "sip:a@[::2]",          0},
		{"sip:a@127.0.0.21:5060;gr",  "sip:a@h",              0},
		{"sip:h@x;gr=y",              "sip:h@h",              0},
		{"sip:a@h.h;gr=y",            "sip:h@h",              0},
		{"sip:a@h;gr=y",              "sip:h@h.h",            0},
		/* it does not tell */
		{"sip:a@h;gr=x",              "tel:+1234",            1},
		{"sip:a@h;gr=x",              "",                     1},
		/* clang-format on */
};

static void owner(void **state)
{
	const struct owner_row *r;
	struct irl_gruu gruu;
	str uri, impu;

	(void)state;
	for(r = owners; r < owners + sizeof(owners) / sizeof(owners[0]); r++) {
		print_message("%s %s\n", r->uri, r->impu);
		uri = unit_str(r->uri);
		impu = unit_str(r->impu);
		assert_true(irl_gruu_parse(&uri, &gruu));
		assert_int_equal(irl_gruu_is_of(&gruu, &impu), r->is_his);
	}
}

static const struct token_row
{
	const char *user, *ruid;
	unsigned int hash;
} tokens[] = {
		/* clang-format off */
		{"uloc-5f-1-21",          "uloc-5f-1", 0x12},
		{"r-fedcba98",            "r",         0x89abcdef},
		{"r-F",                   "r",         0xf},
		{"r-fedcba987",           NULL,        0}, /* nine digits */
		{"r-12g",                 NULL,        0},
		{"r-",                    NULL,        0},
		{"-12",                   NULL,        0},
		{"12",                    NULL,        0},
		{"-",                     NULL,        0},
		{"",                      NULL,        0},
		/* clang-format on */
};

static void token(void **state)
{
	const struct token_row *r;
	unsigned int hash;
	str user, ruid;

	(void)state;
	for(r = tokens; r < tokens + sizeof(tokens) / sizeof(tokens[0]); r++) {
		print_message("%s\n", r->user);
		user = unit_str(r->user);
		assert_int_equal(
				irl_gruu_token(&user, &ruid, &hash), r->ruid ? 0 : EINVAL);
		if(!r->ruid)
			continue;
		unit_expect_str(r->user, "ruid", ruid, r->ruid);
		assert_int_equal(hash, r->hash);
	}
}

static const struct list_row
{
	const char *list;
	int events;
} lists[] = {
		/* clang-format off */
		{"", 0},
		{"expired", IRL_REG_EXPIRED},
		{"unregistered", IRL_REG_UNREGISTERED},
		{" terminated , expired ", IRL_REG_TERMINATED | IRL_REG_EXPIRED},
		{"expired,expired", IRL_REG_EXPIRED},
		{"expired,unregistered,terminated", 7},
		{"expire", -1},
		{"Expired", -1},
		{"expired;terminated", -1},
		{"expired,", -1},
		{",expired", -1},
		{",", -1},
		{" ", -1},
		/* clang-format on */
};

static void release_on(void **state)
{
	const struct list_row *r;
	str list;

	(void)state;
	for(r = lists; r < lists + sizeof(lists) / sizeof(lists[0]); r++) {
		print_message("'%s'\n", r->list);
		list = unit_str(r->list);
		assert_int_equal(irl_reg_events(&list), r->events);
	}
}

/* Each end is an event with a name of `release_on`, and a proper Reason. */
static void ends(void **state)
{
	str name, text;
	int i;

	(void)state;
	for(i = 0; i < IRL_REG_ENDS; i++) {
		name = unit_str(irl_reg_event_name((enum irl_reg_end)i));
		text = unit_str(irl_reg_text((enum irl_reg_end)i));
		assert_int_equal(
				irl_reg_events(&name), irl_reg_event_of((enum irl_reg_end)i));
		assert_true(text.len > 0);
		assert_int_equal(irl_text_check(&text), 0);
	}
	assert_int_equal(irl_reg_end_of(0), IRL_END_PERMANENT);
	assert_int_equal(irl_reg_end_of(3), IRL_END_REMOVE_SCSCF);
	assert_int_equal(irl_reg_end_of(4), IRL_END_TERMINATED);
	assert_int_equal(irl_reg_end_of(UINT32_MAX), IRL_END_TERMINATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(parse),
			cmocka_unit_test(instance),
			cmocka_unit_test(owner),
			cmocka_unit_test(token),
			cmocka_unit_test(release_on),
			cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests_name("gruu", tests, NULL, NULL);
}
