/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - the table of all commands of cinchctl, in the order of the help.
 */
#include "shim/ctl/commands.h"

const struct ctl_command *const ctl_commands[] = {
	&ctl_explain,
	&ctl_apply,
	&ctl_rollback,
	&ctl_status,
	&ctl_ps,
	&ctl_enable,
	&ctl_disable,
	&ctl_doctor,
	&ctl_log_verify, /* before "log", whose name begins it */
	&ctl_log,
	&ctl_profile_sign,
	&ctl_profile_verify,
	&ctl_profile_list,
	&ctl_profile_show,
	&ctl_profile_check,
	&ctl_profile_diff,
	&ctl_net_show,
	&ctl_net_denied,
	&ctl_net_learned,
	&ctl_net_graph,
	&ctl_net_reload,
	&ctl_net_check,
	&ctl_net_sync,
	&ctl_learn,
	&ctl_completion,
	NULL,
};
