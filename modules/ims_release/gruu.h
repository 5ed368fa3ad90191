/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file gruu.h  A GRUU in a stored Contact becomes the address bound to it
 *
 * TS 24.229 5.4.5.1.2, items 2 and 3: the BYE that goes straight out is for
 * the contact address that the registrar has bound to the GRUU at the time of
 * the release. The address bound when the Contact came is remembered, for the
 * case that the registration is gone by then. Without a registrar beside us,
 * and of users that are not served here, the GRUU stays.
 */
#ifndef IRL_GRUU_H
#define IRL_GRUU_H

#include "core_bye.h"

/** The Contact of these legs (bit n: leg n) is new. If it is a GRUU, the
 * releasing process has to be told. Slot locked. */
void irl_gruu_note(struct irl_session *s, unsigned int legs);

/** For the releasing process: remember the addresses bound to what was noted. */
void irl_gruu_remember(uint64_t id);

/**
 * For the releasing process: a request that goes straight to a user of ours.
 *
 * @param bye its Request-URI becomes the address, good until the next call
 * @return 0, or -1 when a GRUU has none
 */
int irl_gruu_resolve(const struct irl_session *s, struct irl_bye *bye);

#endif
