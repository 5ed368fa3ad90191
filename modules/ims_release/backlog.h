/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file backlog.h  What waits before the SIP workers
 */
#ifndef IRL_BACKLOG_H
#define IRL_BACKLOG_H

/** More than some messages wait before the SIP workers: a release that adds to
 * them makes the calls of others wait. @return 1 or 0 */
int irl_is_backlogged(void);

#endif
