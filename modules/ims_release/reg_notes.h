/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file reg_notes.h  Who took a registration away: notes of those who saw it
 *
 * The newest few thousand, in shared memory under one lock, which is a leaf.
 */
#ifndef IRL_REG_NOTES_H
#define IRL_REG_NOTES_H

#include "core_registration.h"
#include "registrar.h"

/** @return 0 or -1 */
int irl_reg_notes_init(void);
void irl_reg_notes_destroy(void);

/** The registration of a public identity, or of a contact address, is taken
 * away: by the user, who was granted it, or soon by the network. From any
 * process, never blocks. */
void irl_reg_note(const str *uri, enum irl_reg_end end);

/** All public identities of this private one are. */
void irl_reg_note_identity(const str *identity, enum irl_reg_end end);

/**
 * The newest note of the one or the other.
 *
 * @param seen when the binding was last there, 0: it never was
 * @return its end, -1 for none
 */
int irl_reg_noted(const str *impu, const str *address, uint32_t seen);

/** A private identity whose registrations are taken away. */
struct irl_reg_identity
{
	enum irl_reg_end end;
	int len;
	char text[IRL_IDENTITY_MAX];
};

/** Take the identities noted since the last call. @return how many */
int irl_reg_identities(struct irl_reg_identity *out, int size);

/** From mod_init: see REGISTERs that are granted. @return 0 or -1 */
int irl_reg_register_init(void);

/** From child_init(PROC_INIT): see RTRs, if `cdp` is loaded. @return 0 or -1 */
int irl_reg_rtr_init(void);

#endif
