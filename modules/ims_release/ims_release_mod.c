/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file ims_release_mod.c  Network-initiated release of IMS sessions
 *
 * Releases sessions on the S-CSCF's own decision as 3GPP TS 24.229 5.4.5.1
 * prescribes. Here: what the module exports, and its start.
 */
#include "core/sr_module.h"

#include "capture.h"
#include "event_route.h"
#include "expiry.h"
#include "host.h"
#include "host_credit.h"
#include "host_end.h"
#include "index.h"
#include "job.h"
#include "keep.h"
#include "own.h"
#include "params.h"
#include "pv.h"
#include "registrar.h"
#include "registration.h"
#include "rpc.h"
#include "script.h"
#include "stats.h"
#include "store.h"
#include "transaction.h"
#include "worker.h"

MODULE_VERSION

static param_export_t params[] = {
		{"default_cause", PARAM_INT, &irl_params.default_cause},
		{"default_text", PARAM_STR, &irl_params.default_text},
		{"credit_cause", PARAM_INT, &irl_params.credit_cause},
		{"credit_text", PARAM_STR, &irl_params.credit_text},
		{"default_reason", PARAM_STR, &irl_params.default_reason},
		{"served", PARAM_STR, &irl_params.served_name},
		{"session_timer", PARAM_STR, &irl_params.session_timer_name},
		{"session_timer_cause", PARAM_INT, &irl_params.session_timer_cause},
		{"session_timer_min", PARAM_INT, &irl_params.session_timer_min},
		{"service_control", PARAM_INT, &irl_params.service_control},
		{"answer_481", PARAM_INT, &irl_params.answer_481},
		{"linger", PARAM_INT, &irl_params.linger},
		{"extra_headers", PARAM_STR, &irl_params.extra_headers},
		{"hash_size", PARAM_INT, &irl_params.hash_size},
		{"max_sessions", PARAM_INT, &irl_params.max_sessions},
		{"job_rate", PARAM_INT, &irl_params.job_rate},
		{"job_window", PARAM_INT, &irl_params.job_window},
		{"job_history", PARAM_INT, &irl_params.job_history},
		{"event_callback", PARAM_STR, &irl_params.event_callback},
		{"db_url", PARAM_STR, &irl_params.db_url},
		{"db_table", PARAM_STR, &irl_params.db_table},
		{"db_delay", PARAM_INT, &irl_params.db_delay},
		{"replicate", PARAM_INT, &irl_params.replicate},
		{"release_on", PARAM_STR, &irl_params.release_on},
		{"release_on_cause", PARAM_INT, &irl_params.release_on_cause},
		{0, 0, 0}};

static pv_export_t variables[] = {
		{{"imsrel", sizeof("imsrel") - 1}, PVT_OTHER, irl_pv_get, irl_pv_set,
				irl_pv_parse_name, 0, 0, 0},
		{{0, 0}, 0, 0, 0, 0, 0, 0, 0}};

static int mod_init(void)
{
	if(irl_params_check() != 0 || irl_transaction_init() != 0
			|| irl_host_end_init() != 0 || irl_host_init() != 0
			|| irl_registrar_init() != 0)
		return -1;
	if(irl_store_init(irl_params.hash_size, irl_params.max_sessions) != 0
			|| irl_index_init(irl_params.hash_size) != 0
			|| irl_expiry_init(irl_params.hash_size) != 0
			|| irl_jobs_init() != 0 || irl_host_credit_init() != 0) {
		LM_ERR("out of shared memory: hash_size is %d\n", irl_params.hash_size);
		return -1;
	}
	if(irl_stats_init() != 0 || irl_worker_init() != 0
			|| irl_capture_init() != 0 || irl_keep_init() != 0
			|| irl_registration_init() != 0)
		return -1;
	irl_event_route_init();
	irl_own_init();
	return 0;
}

static int child_init(int rank)
{
	/* cdp, wherever it was loaded, is ready now */
	if(rank == PROC_INIT)
		return irl_registration_ready();
	if(rank != PROC_MAIN)
		return 0;
	return irl_worker_fork() == 0 ? irl_keep_fork() : -1;
}

static void mod_destroy(void)
{
	irl_keep_finish();
	irl_registration_destroy();
	irl_jobs_destroy();
	irl_store_destroy();
	irl_index_destroy();
	irl_expiry_destroy();
	irl_host_credit_destroy();
}

struct module_exports exports = {"ims_release", DEFAULT_DLFLAGS, irl_cmds,
		params, irl_rpc, variables, 0, mod_init, child_init, mod_destroy};

int mod_register(char *path, int *dlflags, void *p1, void *p2)
{
	if(irl_capture_load() < 0)
		return -1;
	irl_host_credit_load();
	return sr_kemi_modules_add(irl_kemi);
}
