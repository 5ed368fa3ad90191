/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file host_credit.h  Credit that ends: our release in place of ims_dialog's
 *
 * `ims_charging` (Ro) has `ims_dialog` end a session whose credit has ended,
 * by a pair of BYEs with the wrong CSeqs, past service control, and without a
 * Reason that is one. What it asks `ims_dialog` for comes here instead.
 */
#ifndef IRL_HOST_CREDIT_H
#define IRL_HOST_CREDIT_H

/** Stand between them; when the module is loaded: whoever binds to
 * `ims_dialog` does so later, in its mod_init. */
void irl_host_credit_load(void);

/** From mod_init. @return 0 or ENOMEM */
int irl_host_credit_init(void);
void irl_host_credit_destroy(void);

#endif
