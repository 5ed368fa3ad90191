/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_reason.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

int irl_cause_check(int cause)
{
	return cause == 200 || (cause >= 300 && cause <= 699) ? 0 : ERANGE;
}

/* Length and value of the UTF-8 sequence at `s`, 0 when it is none (RFC 3629:
 * shortest form, no surrogates, up to U+10FFFF). */
static int utf8_char(const unsigned char *s, int len, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t p;
	int n, i;

	if(s[0] < 0x80) {
		*point = s[0];
		return 1;
	}
	if((s[0] & 0xe0) == 0xc0)
		n = 2;
	else if((s[0] & 0xf0) == 0xe0)
		n = 3;
	else if((s[0] & 0xf8) == 0xf0)
		n = 4;
	else
		return 0;
	if(n > len)
		return 0;
	p = s[0] & (0x7fu >> n);
	for(i = 1; i < n; i++) {
		if((s[i] & 0xc0) != 0x80)
			return 0;
		p = p << 6 | (s[i] & 0x3fu);
	}
	if(p < least[n] || p > 0x10ffff || (p >= 0xd800 && p <= 0xdfff))
		return 0;
	*point = p;
	return n;
}

int irl_text_check(const str *text)
{
	uint32_t point;
	int i, n;

	if(text->len > IRL_TEXT_MAX)
		return EMSGSIZE;
	for(i = 0; i < text->len; i += n) {
		n = utf8_char(
				(const unsigned char *)text->s + i, text->len - i, &point);
		if(!n || point < 0x20 || (point >= 0x7f && point < 0xa0))
			return EILSEQ;
	}
	return 0;
}

size_t irl_reason_print(char *buf, size_t size, int cause, const str *text)
{
	size_t n;
	int i, len;

	len = snprintf(buf, size, "Reason: SIP;cause=%d", cause);
	if(len < 0 || (size_t)len >= size)
		return 0;
	n = (size_t)len;
	/* the worst case is what callers make room for: no check a byte */
	if(n + 2 * (size_t)text->len + sizeof(";text=\"\"\r\n") > size)
		return 0;
	if(text->len > 0) {
		n += (size_t)sprintf(buf + n, ";text=\"");
		for(i = 0; i < text->len; i++) {
			if(text->s[i] == '"' || text->s[i] == '\\')
				buf[n++] = '\\';
			buf[n++] = text->s[i];
		}
		buf[n++] = '"';
	}
	buf[n++] = '\r';
	buf[n++] = '\n';
	return n;
}

int irl_cause_response(int cause)
{
	return cause >= 400 && cause <= 699 ? cause : 480;
}
