/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <stddef.h>

#include "core/dprint.h"

static const struct irl_host *host;

int irl_host_init(void)
{
	static const struct irl_host *const known[] = {
			&irl_host_dialog, &irl_host_ims_dialog};
	size_t i;

	for(i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if(known[i]->bind() == 0) {
			host = known[i];
			LM_INFO("sessions follow module %s\n", host->name);
			return 0;
		}
	}
	LM_ERR("no dialog module: load dialog or ims_dialog before ims_release\n");
	return -1;
}

const struct irl_host *irl_host(void)
{
	return host;
}
