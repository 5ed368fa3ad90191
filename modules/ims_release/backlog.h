/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file backlog.h  What waits before the SIP workers
 */
#ifndef IRL_BACKLOG_H
#define IRL_BACKLOG_H

/** @return the most that any of our UDP sockets holds for the SIP workers, in
 * bytes as the kernel counts them: about 2 KiB a message */
unsigned int irl_backlog(void);

#endif
