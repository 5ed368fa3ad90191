/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file selector_parse.h  A selector as users write it */
#ifndef IRL_SELECTOR_PARSE_H
#define IRL_SELECTOR_PARSE_H

#include "arguments.h"
#include "selector.h"

/**
 * @param error out: what is wrong, to be shown to who asked
 * @return 0, or EINVAL with `error` filled
 */
int irl_selector_parse(const str *name, const str *value,
		struct irl_selector *sel, char error[IRL_ERROR_SIZE]);

#endif
