/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reg_notes.h"

#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/locking.h"
#include "core/mem/shm_mem.h"

#define NOTES 4096
#define IDENTITIES 256

/* A note counts for so long: what the network takes away is noted before it is. */
#define NOTE_AGE 10

struct note
{
	uint32_t key; /* irl_address_hash() */
	uint32_t at;
	enum irl_reg_end end;
};

struct notes
{
	gen_lock_t lock;
	unsigned int last; /* notes[last % NOTES] is the newest */
	struct note note[NOTES];
	int nidentities;
	struct irl_reg_identity identity[IDENTITIES];
};

static struct notes *notes;

int irl_reg_notes_init(void)
{
	notes = shm_malloc(sizeof(*notes));
	if(!notes) {
		SHM_MEM_ERROR;
		return -1;
	}
	memset(notes, 0, sizeof(*notes));
	return lock_init(&notes->lock) ? 0 : -1;
}

void irl_reg_notes_destroy(void)
{
	if(!notes)
		return;
	lock_destroy(&notes->lock);
	shm_free(notes);
	notes = NULL;
}

void irl_reg_note(const str *uri, enum irl_reg_end end)
{
	uint32_t key = irl_address_hash(uri), now = (uint32_t)time(NULL);
	struct note *n;

	lock_get(&notes->lock);
	n = &notes->note[++notes->last % NOTES];
	n->key = key;
	n->at = now;
	n->end = end;
	lock_release(&notes->lock);
}

/* A user's REGISTER is noted when it was granted: after that binding was seen. */
static int counts(const struct note *n, uint32_t seen)
{
	return n->end != IRL_END_UNREGISTERED || n->at >= seen;
}

int irl_reg_noted(const str *impu, const str *address, uint32_t seen)
{
	uint32_t user = irl_address_hash(impu), at = irl_address_hash(address);
	uint32_t since = (seen ? seen : (uint32_t)time(NULL)) - NOTE_AGE;
	const struct note *n;
	unsigned int i;
	int end = -1;

	lock_get(&notes->lock);
	for(i = 0; i < NOTES && end < 0; i++) {
		n = &notes->note[(notes->last - i) % NOTES];
		if(!n->key || n->at < since)
			break;
		if((n->key == user || n->key == at) && counts(n, seen))
			end = (int)n->end;
	}
	lock_release(&notes->lock);
	return end;
}

void irl_reg_note_identity(const str *identity, enum irl_reg_end end)
{
	struct irl_reg_identity *i = NULL;

	if(identity->len <= 0 || identity->len > IRL_IDENTITY_MAX)
		return;
	lock_get(&notes->lock);
	if(notes->nidentities < IDENTITIES) {
		i = &notes->identity[notes->nidentities++];
		i->end = end;
		i->len = identity->len;
		memcpy(i->text, identity->s, (size_t)identity->len);
	}
	lock_release(&notes->lock);
	if(!i)
		LM_ERR("too many private identities in a second: the sessions of "
			   "%.*s are not released\n",
				identity->len, identity->s);
}

int irl_reg_identities(struct irl_reg_identity *out, int size)
{
	int n;

	/* none is the rule: no lock for it */
	if(!notes->nidentities)
		return 0;
	lock_get(&notes->lock);
	n = notes->nidentities < size ? notes->nidentities : size;
	memcpy(out, notes->identity, (size_t)n * sizeof(*out));
	notes->nidentities -= n;
	memmove(notes->identity, notes->identity + n,
			(size_t)notes->nidentities * sizeof(*out));
	lock_release(&notes->lock);
	return n;
}
