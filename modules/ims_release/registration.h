/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file registration.h  Sessions of users whose registration ends
 *
 * TS 24.229 5.4.5.1.2A. The releasing process looks at each session once a
 * second and asks the registrar for the binding of each user served: one that
 * was there and is not any more releases the session, when `release_on` names
 * what happened. Nothing of the registrar calls us: it would with its locks
 * held, and ims_usrloc_scscf calls nobody for most of its removals.
 *
 * Who took a binding away it does not say either. The 2xx to a REGISTER and a
 * Registration-Termination-Request do: those who see one leave a note, which
 * is looked at when a binding is gone, and, as the 2xx comes after that, once
 * more at the next look.
 */
#ifndef IRL_REGISTRATION_H
#define IRL_REGISTRATION_H

#include <stdint.h>

#include "core_registration.h"

/** From mod_init, after irl_registrar_init(). @return 0 or -1 */
int irl_registration_init(void);
void irl_registration_destroy(void);

/** From child_init(PROC_INIT). @return 0 or -1 */
int irl_registration_ready(void);

/** For the releasing process: look at the next sessions, when it is time.
 *
 * @return milliseconds until there are more to look at, `wait` at most */
int irl_registration_run(uint64_t now_ms, int wait);

#endif
