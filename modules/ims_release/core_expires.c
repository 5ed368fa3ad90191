/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_expires.h"

/* A line may have been folded there (RFC 3261 7.3.1). */
static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

uint32_t irl_expires_read(const str *value)
{
	uint64_t seconds = 0;
	int i = 0;

	while(i < value->len && value->s[i] >= '0' && value->s[i] <= '9'
			&& seconds <= IRL_EXPIRES_MAX)
		seconds = seconds * 10 + (uint64_t)(value->s[i++] - '0');
	while(i < value->len && is_blank(value->s[i]))
		i++;
	/* refresher and what else may follow is the parties' */
	if((i < value->len && value->s[i] != ';') || seconds > IRL_EXPIRES_MAX)
		return 0;
	return (uint32_t)seconds;
}

uint32_t irl_expires_at(uint32_t seconds, uint32_t now)
{
	return seconds ? now + seconds + 1 : 0;
}
