/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSeq numbers of a peer: what is stored has a legal successor */
#include <errno.h>
#include <stdlib.h>

#include "core_cseq.h"
#include "fuzz.h"

/* The input: numbers of one direction, a line each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t next = 0, before, number, bye;
	size_t at, len;
	int rc;

	for(at = 0; at < size; at += len + 1) {
		str digits;

		for(len = 0; at + len < size && data[at + len] != '\n';)
			len++;
		digits = fuzz_copy(data + at, len);
		number = UINT32_MAX;
		before = next;
		rc = irl_cseq_parse(&digits, &number);
		HOLDS(rc == 0 || rc == EINVAL || rc == EOVERFLOW);
		if(rc == 0) {
			HOLDS(number <= IRL_CSEQ_STORED_MAX);
			irl_cseq_note(&next, number);
			HOLDS(next > number);
		} else {
			HOLDS(number == UINT32_MAX);
		}
		HOLDS(next >= before);
		bye = irl_cseq_use(next, (uint32_t)(at * 2654435761u));
		HOLDS(bye > 0 && bye <= IRL_CSEQ_MAX);
		HOLDS(!next || bye == irl_cseq_highest(next) + 1);
		HOLDS(irl_cseq_retry(bye) >= bye);
		HOLDS(irl_cseq_retry(bye) <= IRL_CSEQ_MAX);
		free(digits.s);
	}
	return 0;
}
