/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file arguments.h  What RPC commands and script functions are given, checked
 * once, with the same words for both
 */
#ifndef IRL_ARGUMENTS_H
#define IRL_ARGUMENTS_H

#include "core_text.h"

/** The beginning of what was given, on one line: control characters are made
 * visible. In a buffer that lasts until the next call. */
const char *irl_quote(const str *given);

/** Room for what is wrong with an argument. */
#define IRL_ERROR_SIZE 256

/** Is it a byte that would break a line, or a terminal? */
int irl_is_control(char c);

/** Say what is wrong with an argument: "NAME is 'GIVEN', allowed is ALLOWED".
 * @return EINVAL */
int irl_refuse(char error[IRL_ERROR_SIZE], const char *name, const str *given,
		const char *allowed);

/**
 * @param given cause as text, NULL for the default cause
 * @return 0, or EINVAL with `error` filled
 */
int irl_argument_cause(
		const str *given, int *cause, char error[IRL_ERROR_SIZE]);

/** @param text in: NULL for the default text. @return as above */
int irl_argument_text(const str *given, str *text, char error[IRL_ERROR_SIZE]);

/** @param others in: NULL for the default reason; out: in a buffer that lasts
 * until the next call. @return as above */
int irl_argument_reason(
		const str *given, str *others, char error[IRL_ERROR_SIZE]);

/** A number within limits. @return as above */
int irl_argument_number(const char *name, const str *given, long least,
		long most, long *number, char error[IRL_ERROR_SIZE]);

#endif
