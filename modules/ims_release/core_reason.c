/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_reason.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

/* ---- print ------------------------------------------------------------------- */

/* The text as a quoted-string (RFC 3261 25.1). @return bytes written */
static size_t print_quoted(char *buf, const str *text)
{
	size_t n = 0;
	int i;

	buf[n++] = '"';
	for(i = 0; i < text->len; i++) {
		if(text->s[i] == '"' || text->s[i] == '\\')
			buf[n++] = '\\';
		buf[n++] = text->s[i];
	}
	buf[n++] = '"';
	return n;
}

/* A value: protocol, cause, text unless it is empty. @return bytes written, 0
 * when `size` is too small */
static size_t print_value(char *buf, size_t size, const char *protocol,
		int cause, const str *text)
{
	int len = snprintf(buf, size, "%s;cause=%d", protocol, cause);
	size_t n;

	/* the worst case is what callers make room for: no check a byte */
	if(len < 0
			|| (size_t)len + sizeof(";text=\"\"") + 2 * (size_t)text->len
					   > size)
		return 0;
	n = (size_t)len;
	if(text->len > 0) {
		memcpy(buf + n, ";text=", sizeof(";text=") - 1);
		n += sizeof(";text=") - 1;
		n += print_quoted(buf + n, text);
	}
	return n;
}

size_t irl_reason_print(char *buf, size_t size, const struct irl_reason *reason)
{
	static const char name[] = "Reason: ";
	const str *others = &reason->others;
	size_t n = sizeof(name) - 1, len;

	if(size < n + (size_t)others->len + sizeof(", \r\n"))
		return 0;
	memcpy(buf, name, n);
	len = print_value(buf + n, size - n - (size_t)others->len - 4, "SIP",
			reason->cause, &reason->text);
	if(!len)
		return 0;
	n += len;
	if(others->len > 0) {
		buf[n++] = ',';
		buf[n++] = ' ';
		memcpy(buf + n, others->s, (size_t)others->len);
		n += (size_t)others->len;
	}
	buf[n++] = '\r';
	buf[n++] = '\n';
	return n;
}

/* ---- the values beside SIP's ------------------------------------------------- */

/* TS 24.229 7.2A.18, ITU-T Q.850 (seven bits), RFC 4411 5. */
static const struct protocol
{
	const char *name;
	int least, most;
} protocols[] = {{"RELEASE_CAUSE", 1, 6}, {"FAILURE_CAUSE", 1, 3},
		{"Q.850", 1, 127}, {"preemption", 1, 5}};

/* One value may be too much by all of its text and a comma. */
#define OTHERS_ROOM                                                   \
	(IRL_OTHERS_MAX + 2 + sizeof("FAILURE_CAUSE;cause=127;text=\"\"") \
			+ 2 * IRL_TEXT_MAX)

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

struct value
{
	size_t protocol;
	int cause; /* 0: none yet */
	char text[IRL_TEXT_MAX];
	int len; /* of the text; -1: none */
};

static void skip_spaces(const char **p, const char *end)
{
	while(*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
}

/* The separator, with spaces around it. @return whether it was there */
static int skip(const char **p, const char *end, char separator)
{
	skip_spaces(p, end);
	if(*p == end || **p != separator)
		return 0;
	(*p)++;
	skip_spaces(p, end);
	return 1;
}

/* A word: what neither a space nor a separator ends. */
static str word(const char **p, const char *end)
{
	str w = {(char *)*p, 0};

	while(*p < end && !strchr(" \t;,=\"", **p))
		(*p)++;
	w.len = (int)(*p - w.s);
	return w;
}

static int is(const str *w, const char *name)
{
	return w->len == (int)strlen(name)
		   && strncasecmp(w->s, name, (size_t)w->len) == 0;
}

/* @return 0, or -1 unless it is a number within the protocol's range */
static int read_cause(const str *digits, struct value *v)
{
	int i, n = 0;

	for(i = 0; i < digits->len && n < 1000; i++) {
		if(digits->s[i] < '0' || digits->s[i] > '9')
			return -1;
		n = n * 10 + (digits->s[i] - '0');
	}
	v->cause = n;
	return n < protocols[v->protocol].least || n > protocols[v->protocol].most
				   ? -1
				   : 0;
}

/* A quoted-string. @return 0, or -1 unless it is one with a proper text */
static int read_text(const char **p, const char *end, struct value *v)
{
	str text = {v->text, 0};

	if(*p == end || *(*p)++ != '"')
		return -1;
	while(*p < end && **p != '"') {
		if(**p == '\\' && ++*p == end)
			return -1;
		if(text.len == IRL_TEXT_MAX)
			return -1;
		v->text[text.len++] = *(*p)++;
	}
	if(*p == end || irl_text_check(&text))
		return -1;
	(*p)++;
	v->len = text.len;
	return 0;
}

static const char *read_param(const char **p, const char *end, struct value *v)
{
	str name = word(p, end), digits;

	if(!skip(p, end, '='))
		return "a parameter without a value";
	if(is(&name, "cause") && !v->cause) {
		digits = word(p, end);
		return read_cause(&digits, v)
					   ? "cause out of range: RELEASE_CAUSE 1 to 6, "
						 "FAILURE_CAUSE 1 to 3, Q.850 1 to 127, preemption 1 "
						 "to 5"
					   : NULL;
	}
	if(is(&name, "text") && v->len < 0)
		return read_text(p, end, v) ? "text must be in quotes, " IRL_TEXT_RANGE
									: NULL;
	return "a parameter other than one cause and one text";
}

static const char *read_value(const char **p, const char *end, struct value *v)
{
	str name = word(p, end);
	const char *error;
	size_t i = 0;

	v->cause = 0;
	v->len = -1;
	while(i < PROTOCOLS && !is(&name, protocols[i].name))
		i++;
	if(i == PROTOCOLS)
		return "protocol must be one of RELEASE_CAUSE, FAILURE_CAUSE, Q.850, "
			   "preemption";
	v->protocol = i;
	while(skip(p, end, ';')) {
		error = read_param(p, end, v);
		if(error)
			return error;
	}
	return v->cause ? NULL : "a value without a cause";
}

/* Each value, printed behind those before it. @return what is wrong, or NULL */
static const char *read_values(
		const char **p, const char *end, char *out, int *n)
{
	unsigned seen = 0;
	struct value v;
	const char *error;
	size_t len;
	str text;

	do {
		error = read_value(p, end, &v);
		if(error)
			return error;
		if(seen & (1u << v.protocol))
			return "a protocol more than once";
		if(seen) {
			out[(*n)++] = ',';
			out[(*n)++] = ' ';
		}
		seen |= 1u << v.protocol;
		text.s = v.text;
		text.len = v.len < 0 ? 0 : v.len;
		len = print_value(out + *n, OTHERS_ROOM - (size_t)*n,
				protocols[v.protocol].name, v.cause, &text);
		*n += (int)len;
		if(!len || *n > IRL_OTHERS_MAX)
			return "more than 255 bytes";
	} while(skip(p, end, ','));
	return *p < end ? "a comma or semicolon is missing" : NULL;
}

int irl_others_read(const str *given, char *out, const char **error)
{
	const char *p = given->s, *end = given->s + given->len;
	char buf[OTHERS_ROOM];
	int n = 0;

	if(given->len <= 0)
		return 0;
	skip_spaces(&p, end);
	*error = read_values(&p, end, buf, &n);
	if(*error)
		return -1;
	memcpy(out, buf, (size_t)n);
	return n;
}

int irl_cause_response(int cause)
{
	return cause >= 400 && cause <= 699 ? cause : 480;
}
