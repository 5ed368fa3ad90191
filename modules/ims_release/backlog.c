/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backlog.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "core/ip_addr.h"
#include "core/socket_info.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* Of any of our UDP sockets, in bytes as the kernel counts them: about 2 KiB a
 * message. */
#define BACKLOG_MAX 32768

/* Between two releases that begin all the same. */
#define PAUSE_MS 10

static int is_backlogged(void)
{
	struct socket_info **list = get_sock_info_list(PROTO_UDP), *si;
	uint32_t meminfo[SK_MEMINFO_VARS];
	unsigned int most = 0;
	socklen_t len;

	for(si = list ? *list : NULL; si; si = si->next) {
		len = sizeof(meminfo);
		if(getsockopt(si->socket, SOL_SOCKET, SO_MEMINFO, meminfo, &len) == 0
				&& meminfo[SK_MEMINFO_RMEM_ALLOC] > most)
			most = meminfo[SK_MEMINFO_RMEM_ALLOC];
	}
	return most > BACKLOG_MAX;
}

int irl_backlog_share(uint64_t now_ms, int most, uint64_t *last_ms)
{
	if(!is_backlogged())
		return most;
	if(now_ms - *last_ms < PAUSE_MS)
		return 0;
	*last_ms = now_ms;
	return 1;
}
