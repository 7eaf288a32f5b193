/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack - end established connections that rules in force no longer allow (ctnetlink, sock_diag).
 */
#ifndef CINCH_NETSEG_CONNTRACK_H
#define CINCH_NETSEG_CONNTRACK_H

#include "netseg/ruleset.h"
#include "shim/base/str.h"

/*
 * In the namespace this thread is in: every connection of the table that R refuses is deleted, so that its next packet is
 * judged as new. With cgroups in R a connection is judged by its socket's cgroup (INET_DIAG_CGROUP_ID, Linux 5.9); a
 * socket that is not found counts as nobody's. HOST: only connections whose socket is of a cgroup of R are looked
 * at. GONE gets a line for each: "tcp 10.0.0.2:41234 -> 10.0.0.9:5432".
 */
int conntrack_drop_refused(const struct ruleset *r, bool host, struct strv *gone, struct err *e);

#endif
