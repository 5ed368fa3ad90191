/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"

#include <errno.h>
#include <stdio.h>

#include "core_reason.h"
#include "params.h"

/* jsonrpcs cuts a fault at 127 bytes: what was given must leave room for what is
 * allowed. */
#define SHORT 40

int irl_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static const char *quote(const str *given, int size)
{
	static char buf[64];
	int len = irl_text_cut(given, size - 5), i, n = 0;

	for(i = 0; i < len && n < size - 5; i++) {
		if(irl_is_control(given->s[i]))
			n += snprintf(buf + n, sizeof(buf) - (size_t)n, "\\x%02x",
					(unsigned char)given->s[i]);
		else
			buf[n++] = given->s[i];
	}
	/* no part of a character */
	for(; i < len && (given->s[i] & 0xc0) == 0x80; i--)
		n--;
	buf[n] = '\0';
	return buf;
}

const char *irl_quote(const str *given)
{
	return quote(given, 64);
}

int irl_refuse(char error[IRL_ERROR_SIZE], const char *name, const str *given,
		const char *allowed)
{
	snprintf(error, IRL_ERROR_SIZE, "%s is '%s', allowed is %s", name,
			quote(given, SHORT), allowed);
	return EINVAL;
}

static int digits(const str *given, long *number)
{
	long n = 0;
	int i;

	if(given->len <= 0 || given->len > 10)
		return -1;
	for(i = 0; i < given->len; i++) {
		if(given->s[i] < '0' || given->s[i] > '9')
			return -1;
		n = n * 10 + (given->s[i] - '0');
	}
	*number = n;
	return 0;
}

int irl_argument_cause(const str *given, int *cause, char error[IRL_ERROR_SIZE])
{
	long n;

	if(!given) {
		*cause = irl_params.default_cause;
		return 0;
	}
	if(digits(given, &n) < 0 || n > 999 || irl_cause_check((int)n))
		return irl_refuse(error, "cause", given, IRL_CAUSE_RANGE);
	*cause = (int)n;
	return 0;
}

int irl_argument_text(const str *given, str *text, char error[IRL_ERROR_SIZE])
{
	if(!given) {
		*text = irl_params.default_text;
		return 0;
	}
	if(irl_text_check(given)) {
		snprintf(error, IRL_ERROR_SIZE,
				"text is '%s' (%d bytes), allowed is " IRL_TEXT_RANGE,
				quote(given, SHORT), given->len);
		return EINVAL;
	}
	*text = *given;
	return 0;
}

int irl_argument_reason(
		const str *given, str *others, char error[IRL_ERROR_SIZE])
{
	static char buf[IRL_OTHERS_MAX];
	const char *wrong;

	if(!given) {
		*others = irl_params.default_reason;
		return 0;
	}
	others->s = buf;
	others->len = irl_others_read(given, buf, &wrong);
	if(others->len >= 0)
		return 0;
	snprintf(error, IRL_ERROR_SIZE, "reason is '%s': %s", irl_quote(given),
			wrong);
	return EINVAL;
}

int irl_argument_number(const char *name, const str *given, long least,
		long most, long *number, char error[IRL_ERROR_SIZE])
{
	if(digits(given, number) == 0 && *number >= least && *number <= most)
		return 0;
	snprintf(error, IRL_ERROR_SIZE, "%s is '%s', allowed is %ld to %ld", name,
			irl_quote(given), least, most);
	return EINVAL;
}
