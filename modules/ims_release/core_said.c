/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_said.h"

#include <stdio.h>
#include <string.h>

#include "core_record.h"

/* The next field, which has to be that one. */
static int take(str *rest, const char *name, str *value)
{
	str have;

	if(irl_record_next(rest, &have, value) <= 0)
		return -1;
	return have.len == (int)strlen(name)
						   && !memcmp(have.s, name, (size_t)have.len)
				   ? 0
				   : -1;
}

static int take_number(str *rest, const char *name, uint32_t *n)
{
	str value;

	return take(rest, name, &value) || irl_record_number(&value, UINT32_MAX, n)
				   ? -1
				   : 0;
}

/* It is shown to users, a line each: no spaces, no ends of lines. */
static int is_name(const str *name)
{
	int i;

	for(i = 0; i < name->len; i++) {
		if((unsigned char)name->s[i] <= ' ')
			return 0;
	}
	return name->len > 0 && name->len <= IRL_NODE_NAME_MAX;
}

int irl_said_head(str *rest, struct irl_said *h)
{
	return take(rest, "node", &h->node) || !is_name(&h->node)
						   || take_number(rest, "boot", &h->boot)
						   || take_number(rest, "number", &h->number)
				   ? -1
				   : 0;
}

uint64_t irl_said_version(uint32_t boot, uint32_t number)
{
	return (uint64_t)boot << 32 | number;
}

/* A number and a space off the front. */
static int take_word(str *rest, uint32_t *n)
{
	str word = {rest->s, 0};

	while(word.len < rest->len && rest->s[word.len] != ' ')
		word.len++;
	if(word.len == rest->len || irl_record_number(&word, UINT32_MAX, n))
		return -1;
	rest->s += word.len + 1;
	rest->len -= word.len + 1;
	return 0;
}

int irl_said_claim(const str *value, struct irl_said_claim *c)
{
	c->node = *value;
	return take_word(&c->node, &c->at) || take_word(&c->node, &c->boot)
						   || take_word(&c->node, &c->number)
						   || !is_name(&c->node)
				   ? -1
				   : 0;
}

int irl_said_gone(const str *value, struct irl_said_gone *g)
{
	str rest = *value;

	return take(&rest, "callid", &g->callid)
						   || take(&rest, "from-tag", &g->from_tag)
						   || take(&rest, "tag", &g->tag)
						   || take_number(&rest, "taken", &g->taken)
				   ? -1
				   : 0;
}

int irl_said_put_gone(const struct irl_said_gone *g, char *buf, int size)
{
	char digits[12];
	str taken = {digits, 0};
	int n;

	taken.len = snprintf(digits, sizeof(digits), "%u", g->taken);
	n = irl_record_put(buf, size, 0, "callid", &g->callid);
	n = irl_record_put(buf, size, n, "from-tag", &g->from_tag);
	n = irl_record_put(buf, size, n, "tag", &g->tag);
	return irl_record_put(buf, size, n, "taken", &taken);
}
