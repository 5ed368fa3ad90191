/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Contact of a peer as a GRUU; of its bytes an instance and a token, too */
#include <stdlib.h>

#include "core_gruu.h"
#include "fuzz.h"

static int is_within(const str *part, const str *whole)
{
	return part->s >= whole->s && part->len >= 0
		   && part->s + part->len <= whole->s + whole->len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str uri = fuzz_copy(data, size), ruid;
	struct irl_gruu gruu;
	unsigned int hash;

	if(irl_gruu_parse(&uri, &gruu)) {
		HOLDS(is_within(&gruu.aor, &uri) && is_within(&gruu.user, &gruu.aor));
		HOLDS(gruu.user.len > 0);
		HOLDS(is_within(&gruu.host, &gruu.aor));
		irl_gruu_is_of(&gruu, &uri);
		if(gruu.kind == IRL_PUBLIC_GRUU)
			HOLDS(is_within(&gruu.instance, &uri) && gruu.instance.len > 0);
		irl_gruu_is_instance(&gruu, &uri);
		if(irl_gruu_token(&gruu.user, &ruid, &hash) == 0)
			HOLDS(is_within(&ruid, &gruu.user) && ruid.len > 0);
	}
	if(irl_gruu_token(&uri, &ruid, &hash) == 0)
		HOLDS(is_within(&ruid, &uri));
	free(uri.s);
	return 0;
}
