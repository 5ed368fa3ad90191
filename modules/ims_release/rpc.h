/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file rpc.h  The commands ims_release.* */
#ifndef IRL_RPC_H
#define IRL_RPC_H

#include "core/rpc.h"

extern rpc_export_t irl_rpc[];

#endif
