/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file registrar.h  The registrar beside us: who is bound to which address
 *
 * There are two, `ims_usrloc_scscf` and, of non-IMS registrars, `usrloc`; what
 * knows of one stands in reg_ims.c or reg_usrloc.c. Both take locks of the
 * registrar, and give them back: never call one with a slot locked.
 */
#ifndef IRL_REGISTRAR_H
#define IRL_REGISTRAR_H

#include <time.h>

#include "core_gruu.h"

/** Most bytes of a private identity. */
#define IRL_IDENTITY_MAX 128

/** What a registrar has of a user and the address he uses in a session. */
struct irl_binding
{
	enum irl_bound
	{
		IRL_NOT_KNOWN = 0, /**< no record, or one without contacts */
		IRL_ALL_REMOVED,   /**< contacts, none of them valid, none is his */
		IRL_USER_BOUND,	   /**< not that contact, but another is valid */
		IRL_REMOVED,	   /**< that contact is there, and is not valid */
		IRL_BOUND		   /**< that contact is valid */
	} bound;
	time_t expires; /**< of that contact, or of the last one */
	int identity_len;
	char identity[IRL_IDENTITY_MAX]; /**< his private identity, if known */
};

/** Room for a contact address. */
#define IRL_ADDRESS_MAX 512

struct irl_registrar
{
	const char *name; /**< of the module */
	/** @return 0; ENOENT when it is not loaded; EINVAL when it is of no use,
	 * said in the log */
	int (*bind)(void);
	/** @param address the session's remote target at that user */
	void (*look)(
			const str *impu, const str *address, struct irl_binding *binding);
	/**
	 * The valid contact address that is bound to a GRUU.
	 *
	 * @param uri     the GRUU as a whole, `gruu` its parts
	 * @param impu    whose it is, as far as is known
	 * @param address out: in `buf`, of IRL_ADDRESS_MAX bytes
	 * @return 0 or ENOENT
	 */
	int (*resolve)(const str *uri, const struct irl_gruu *gruu, const str *impu,
			char *buf, str *address);
};

extern const struct irl_registrar irl_reg_ims, irl_reg_usrloc;

/** Find the one that is loaded. @return 0, also when there is none and none is
 * asked for; -1 with one line in the log */
int irl_registrar_init(void);

/** The one in use, NULL for none. */
const struct irl_registrar *irl_registrar(void);

/** The same user at the same host and port? Case of the user counts. */
int irl_same_address(const str *a, const str *b);

/** What irl_same_address() holds for the same has the same hash; never 0. */
unsigned int irl_address_hash(const str *uri);

/** For irl_registrar.look: take one contact into account. */
void irl_binding_add(struct irl_binding *binding, const str *address,
		const str *contact, int valid, time_t expires);

/** Copy an address. @return 0, or ENOENT when it is too long */
int irl_address_copy(const str *from, char *buf, str *address);

#endif
