/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file rpc_scan.h  The arguments of an RPC command, all of them read before it
 * does anything
 *
 * An argument is text, or a whole number, which is turned into text. What is
 * neither (a fraction, null, true, an array, a structure) is refused, and never
 * taken for one that is not there. So is one more than there can be.
 */
#ifndef IRL_RPC_SCAN_H
#define IRL_RPC_SCAN_H

#include "core/rpc.h"
#include "core/str.h"

/** Most arguments of a command. */
#define IRL_RPC_ARGS 5

struct irl_rpc_args
{
	const char *usage;	  /**< all of them, as users write them */
	int required;		  /**< so many must be there, */
	const char *expected; /**< else this is what the fault says */
	struct
	{
		const char *name, *allowed;
	} arg[IRL_RPC_ARGS]; /**< unused ones have no name */
};

/**
 * Read the arguments of the command at hand.
 *
 * @param value out: those that are there, until the next call; others are empty
 * @return how many are there, -1 with a fault sent
 */
int irl_rpc_scan(rpc_t *rpc, void *ctx, const struct irl_rpc_args *args,
		str value[IRL_RPC_ARGS]);

/** Most entries of a page, and the arguments that name one. */
#define IRL_PAGE_MAX 1000
#define IRL_RPC_PAGE               \
	{"offset", "0 to 2147483647"}, \
	{                              \
		"limit", "1 to 1000"       \
	}

/**
 * Read OFFSET and LIMIT, of which none has to be there.
 *
 * @param value the first of the two
 * @param n how many of them are there
 * @param offset out: 0 unless told
 * @param limit in, out: as it was unless told
 * @return 0, -1 with a fault sent
 */
int irl_rpc_page(rpc_t *rpc, void *ctx, const str *value, int n, long *offset,
		long *limit);

#endif
