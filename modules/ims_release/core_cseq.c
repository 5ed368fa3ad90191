/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_cseq.h"

#include <errno.h>

static int parse(const str *digits, uint32_t most, uint32_t *number)
{
	uint64_t n = 0;
	int i;

	if(digits->len <= 0)
		return EINVAL;
	for(i = 0; i < digits->len; i++) {
		if(digits->s[i] < '0' || digits->s[i] > '9')
			return EINVAL;
		n = n * 10 + (uint64_t)(digits->s[i] - '0');
		if(n > most)
			return EOVERFLOW;
	}
	*number = (uint32_t)n;
	return 0;
}

int irl_cseq_parse(const str *digits, uint32_t *number)
{
	return parse(digits, IRL_CSEQ_STORED_MAX, number);
}

uint32_t irl_cseq_any(const str *digits)
{
	uint32_t number = IRL_CSEQ_NONE;

	if(parse(digits, IRL_CSEQ_NONE - 1u, &number) == EOVERFLOW)
		return IRL_CSEQ_NONE - 1u;
	return number;
}

void irl_cseq_note(uint32_t *next, uint32_t number)
{
	if(number >= *next)
		*next = number + 1;
}

uint32_t irl_cseq_stored(uint32_t next)
{
	return next > IRL_CSEQ_MAX ? IRL_CSEQ_MAX : next;
}

uint32_t irl_cseq_highest(uint32_t next)
{
	return next ? next - 1 : 0;
}

uint32_t irl_cseq_use(uint32_t next, uint32_t rnd)
{
	if(next)
		return next;
	return 1 + rnd % (IRL_CSEQ_STORED_MAX - IRL_CSEQ_RETRY_STEP);
}

uint32_t irl_cseq_next(uint32_t sent)
{
	return sent < IRL_CSEQ_MAX ? sent + 1 : IRL_CSEQ_MAX;
}

uint32_t irl_cseq_retry(uint32_t sent)
{
	if(sent > IRL_CSEQ_MAX - IRL_CSEQ_RETRY_STEP)
		return IRL_CSEQ_MAX;
	return sent + IRL_CSEQ_RETRY_STEP;
}
