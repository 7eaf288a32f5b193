/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - one line a command; each is described in the file of its name.
 */
#ifndef CINCH_CTL_COMMANDS_H
#define CINCH_CTL_COMMANDS_H

#include "shim/ctl/ctl.h"

extern const struct ctl_command ctl_completion;
extern const struct ctl_command ctl_disable;
extern const struct ctl_command ctl_doctor;
extern const struct ctl_command ctl_enable;
extern const struct ctl_command ctl_explain;
extern const struct ctl_command ctl_apply;
extern const struct ctl_command ctl_rollback;
extern const struct ctl_command ctl_status;
extern const struct ctl_command ctl_log;
extern const struct ctl_command ctl_log_verify;
extern const struct ctl_command ctl_net_check;
extern const struct ctl_command ctl_net_reload;
extern const struct ctl_command ctl_net_sync;
extern const struct ctl_command ctl_profile_sign;
extern const struct ctl_command ctl_profile_verify;
extern const struct ctl_command ctl_learn;
extern const struct ctl_command ctl_net_denied;
extern const struct ctl_command ctl_net_graph;
extern const struct ctl_command ctl_net_learned;
extern const struct ctl_command ctl_net_show;
extern const struct ctl_command ctl_ps;
extern const struct ctl_command ctl_profile_check;
extern const struct ctl_command ctl_profile_diff;
extern const struct ctl_command ctl_profile_list;
extern const struct ctl_command ctl_profile_show;

#endif
