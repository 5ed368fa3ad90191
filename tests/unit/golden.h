/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file golden.h  Messages that are kept as files: golden/NAME.sip
 *
 * GOLDEN_WRITE=1 in the environment writes them anew; a file that is missing
 * fails the test. GOLDEN_DIR names another folder than the one beside this
 * source.
 */
#ifndef IRL_UNIT_GOLDEN_H
#define IRL_UNIT_GOLDEN_H

#include <stddef.h>

/** Fails the current test unless the message is that of the file. */
void golden_expect(const char *name, const char *message, size_t len);

#endif
