/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"

#include <errno.h>
#include <stdio.h>

#include "params.h"

const char *irl_quote(const str *given)
{
	static char buf[64];
	int len = irl_text_cut(given, (int)sizeof(buf) - 5), i, n = 0;

	for(i = 0; i < len && n < (int)sizeof(buf) - 5; i++) {
		if((unsigned char)given->s[i] < 0x20 || given->s[i] == 0x7f)
			n += snprintf(buf + n, sizeof(buf) - (size_t)n, "\\x%02x",
					(unsigned char)given->s[i]);
		else
			buf[n++] = given->s[i];
	}
	buf[n] = '\0';
	return buf;
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

	if(given->len <= 0) {
		*cause = irl_params.default_cause;
		return 0;
	}
	if(digits(given, &n) < 0 || n > 999 || irl_cause_check((int)n)) {
		snprintf(error, IRL_ERROR_SIZE,
				"cause is '%s', allowed is " IRL_CAUSE_RANGE, irl_quote(given));
		return EINVAL;
	}
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
				irl_quote(given), given->len);
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
