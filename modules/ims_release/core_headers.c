/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_headers.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Made by who prints the request, or prescribed by the clause. */
static const char *const reserved[] = {"Via", "v", "Route", "Record-Route",
		"From", "f", "To", "t", "Call-ID", "i", "CSeq", "Max-Forwards",
		"Content-Length", "l", "Content-Type", "c", "Contact", "m", "Reason"};

static int is_reserved(const char *name, size_t len)
{
	size_t i;

	for(i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if(strlen(reserved[i]) == len
				&& strncasecmp(reserved[i], name, len) == 0)
			return 1;
	}
	return 0;
}

/* RFC 3261 allows more; Kamailio reads these, and has to read the BYE that
 * enters service control. */
static int is_name(const char *s, size_t len)
{
	size_t i;

	for(i = 0; i < len; i++) {
		if(!s[i] || (!isalnum((unsigned char)s[i]) && !strchr("-._+~", s[i])))
			return 0;
	}
	return len > 0;
}

static int is_header(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t name, i;

	if(!colon)
		return 0;
	name = (size_t)(colon - line);
	while(name && (line[name - 1] == ' ' || line[name - 1] == '\t'))
		name--;
	if(!is_name(line, name) || is_reserved(line, name))
		return 0;
	for(i = name; i < len; i++) {
		if((unsigned char)line[i] < 0x20 ? line[i] != '\t' : line[i] == 0x7f)
			return 0;
	}
	return 1;
}

/* Length of the line end at `p`: CRLF, LF, or one of the two written out. */
static size_t line_end(const char *p, const char *end)
{
	static const char *const forms[] = {"\r\n", "\\r\\n", "\n", "\\n"};
	size_t i, n;

	for(i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		n = strlen(forms[i]);
		if((size_t)(end - p) >= n && memcmp(p, forms[i], n) == 0)
			return n;
	}
	return 0;
}

int irl_headers_normalize(const str *lines, char *out)
{
	const char *p = lines->s, *end = p + (lines->len > 0 ? lines->len : 0);
	const char *line = p;
	size_t brk = 0, len;
	int n = 0;

	for(; p <= end; p += brk ? brk : 1) {
		brk = p < end ? line_end(p, end) : 0;
		if(p < end && !brk)
			continue;
		len = (size_t)(p - line);
		if(len) {
			if(!is_header(line, len))
				return -1;
			memcpy(out + n, line, len);
			n += (int)len;
			out[n++] = '\r';
			out[n++] = '\n';
		}
		line = p + brk;
	}
	return n;
}
