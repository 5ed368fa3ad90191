/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "golden.h"

#include "unit.h"

#define MESSAGE_MAX 65536

static void path_of(const char *name, char *path, size_t size)
{
	const char *dir = getenv("GOLDEN_DIR");
	const char *slash = strrchr(__FILE__, '/');
	int n;

	if(dir)
		n = snprintf(path, size, "%s/%s.sip", dir, name);
	else
		n = snprintf(path, size, "%.*sgolden/%s.sip",
				slash ? (int)(slash - __FILE__) + 1 : 0, __FILE__, name);
	assert_in_range(n, 1, size - 1);
}

static void write_file(const char *path, const char *message, size_t len)
{
	FILE *f = fopen(path, "wb");

	if(!f)
		fail_msg("cannot write %s", path);
	assert_int_equal(fwrite(message, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

void golden_expect(const char *name, const char *message, size_t len)
{
	static char want[MESSAGE_MAX];
	const char *write = getenv("GOLDEN_WRITE");
	char path[4096];
	size_t n;
	FILE *f;

	path_of(name, path, sizeof(path));
	if(write && !strcmp(write, "1")) {
		write_file(path, message, len);
		return;
	}
	f = fopen(path, "rb");
	if(!f)
		fail_msg("%s is missing; GOLDEN_WRITE=1 writes it", path);
	n = fread(want, 1, sizeof(want), f);
	fclose(f);
	if(n != len || memcmp(want, message, len) != 0)
		fail_msg("%s has\n%.*s\nnot\n%.*s", path, (int)n, want, (int)len,
				message);
}
