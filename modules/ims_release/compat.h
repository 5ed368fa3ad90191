/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file compat.h  What differs between the versions of Kamailio
 *
 * The one place that asks for the version. Each entry: since when, what, why.
 * VERSIONVAL is given by Kamailio's build: 5006003 is 5.6.3.
 */
#ifndef IRL_COMPAT_H
#define IRL_COMPAT_H

#if !defined(VERSIONVAL) || VERSIONVAL < 5006000 || VERSIONVAL >= 6002000
#error "ims_release is for Kamailio 5.6 to 6.1"
#endif

/* 6.0: struct cell of tm has the header fields of a local request as *_hdr,
 * since it got their values by names like the former ones. */
#if VERSIONVAL >= 6000000
#define CELL_CALLID callid_hdr
#define CELL_CSEQ cseq_hdr_n
#define CELL_FROM from_hdr
#define CELL_TO to_hdr
#else
#define CELL_CALLID callid
#define CELL_CSEQ cseq_n
#define CELL_FROM from
#define CELL_TO to
#endif

#endif
