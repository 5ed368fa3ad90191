/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file rpc_jobs.h  The commands about jobs */
#ifndef IRL_RPC_JOBS_H
#define IRL_RPC_JOBS_H

#include "core/rpc.h"

extern const char *irl_jobs_doc[], *irl_job_doc[], *irl_cancel_doc[],
		*irl_rate_doc[];

void irl_rpc_jobs(rpc_t *rpc, void *ctx);
void irl_rpc_job(rpc_t *rpc, void *ctx);
void irl_rpc_cancel(rpc_t *rpc, void *ctx);
void irl_rpc_rate(rpc_t *rpc, void *ctx);

#endif
