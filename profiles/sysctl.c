/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl - which settings of the kernel belong to a namespace, and how they are spelled.
 */
#include "profiles/sysctl.h"

#include <string.h>

#include "shim/base/str.h"

/* All others are the host's. Source: the kernel's ipc, uts and net tables, and what runc accepts. */
static const char *const trees[] = {"net.", "fs.mqueue.", NULL};
static const char *const alone[] = {
	"kernel.msgmax",
	"kernel.msgmnb",
	"kernel.msgmni",
	"kernel.sem",
	"kernel.shmall",
	"kernel.shmmax",
	"kernel.shmmni",
	"kernel.shm_rmid_forced",
	"kernel.hostname",
	"kernel.domainname",
	NULL,
};

/* For "did you mean": fs.mqueue, net.core, net.unix and net.ipv4 of kernels up to 6.18, without what is
 * set for each interface. */
static const char *const spelled[] = {
	"fs.mqueue.msg_default",
	"fs.mqueue.msg_max",
	"fs.mqueue.msgsize_default",
	"fs.mqueue.msgsize_max",
	"fs.mqueue.queues_max",
	"net.core.bpf_jit_enable",
	"net.core.busy_poll",
	"net.core.busy_read",
	"net.core.default_qdisc",
	"net.core.dev_weight",
	"net.core.flow_limit_cpu_bitmap",
	"net.core.netdev_budget",
	"net.core.netdev_max_backlog",
	"net.core.optmem_max",
	"net.core.rmem_default",
	"net.core.rmem_max",
	"net.core.rps_default_mask",
	"net.core.somaxconn",
	"net.core.tstamp_allow_data",
	"net.core.txrehash",
	"net.core.wmem_default",
	"net.core.wmem_max",
	"net.core.xfrm_acq_expires",
	"net.core.xfrm_aevent_etime",
	"net.core.xfrm_aevent_rseqth",
	"net.core.xfrm_larval_drop",
	"net.ipv4.fib_multipath_hash_fields",
	"net.ipv4.fib_multipath_hash_policy",
	"net.ipv4.fib_multipath_hash_seed",
	"net.ipv4.fib_multipath_use_neigh",
	"net.ipv4.fib_notify_on_flag_change",
	"net.ipv4.fib_sync_mem",
	"net.ipv4.fwmark_reflect",
	"net.ipv4.icmp_echo_enable_probe",
	"net.ipv4.icmp_echo_ignore_all",
	"net.ipv4.icmp_echo_ignore_broadcasts",
	"net.ipv4.icmp_errors_use_inbound_ifaddr",
	"net.ipv4.icmp_ignore_bogus_error_responses",
	"net.ipv4.icmp_msgs_burst",
	"net.ipv4.icmp_msgs_per_sec",
	"net.ipv4.icmp_ratelimit",
	"net.ipv4.icmp_ratemask",
	"net.ipv4.igmp_link_local_mcast_reports",
	"net.ipv4.igmp_max_memberships",
	"net.ipv4.igmp_max_msf",
	"net.ipv4.igmp_qrv",
	"net.ipv4.inet_peer_maxttl",
	"net.ipv4.inet_peer_minttl",
	"net.ipv4.inet_peer_threshold",
	"net.ipv4.ip_autobind_reuse",
	"net.ipv4.ip_conntrack_max",
	"net.ipv4.ip_default_ttl",
	"net.ipv4.ip_dynaddr",
	"net.ipv4.ip_early_demux",
	"net.ipv4.ip_forward",
	"net.ipv4.ip_forward_update_priority",
	"net.ipv4.ip_forward_use_pmtu",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_no_pmtu_disc",
	"net.ipv4.ip_nonlocal_bind",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ipfrag_high_thresh",
	"net.ipv4.ipfrag_low_thresh",
	"net.ipv4.ipfrag_max_dist",
	"net.ipv4.ipfrag_time",
	"net.ipv4.nexthop_compat_mode",
	"net.ipv4.ping_group_range",
	"net.ipv4.raw_l3mdev_accept",
	"net.ipv4.tcp_abort_on_overflow",
	"net.ipv4.tcp_adv_win_scale",
	"net.ipv4.tcp_allowed_congestion_control",
	"net.ipv4.tcp_app_win",
	"net.ipv4.tcp_autocorking",
	"net.ipv4.tcp_available_congestion_control",
	"net.ipv4.tcp_available_ulp",
	"net.ipv4.tcp_backlog_ack_defer",
	"net.ipv4.tcp_base_mss",
	"net.ipv4.tcp_challenge_ack_limit",
	"net.ipv4.tcp_child_ehash_entries",
	"net.ipv4.tcp_comp_sack_delay_ns",
	"net.ipv4.tcp_comp_sack_nr",
	"net.ipv4.tcp_comp_sack_slack_ns",
	"net.ipv4.tcp_congestion_control",
	"net.ipv4.tcp_dsack",
	"net.ipv4.tcp_early_demux",
	"net.ipv4.tcp_early_retrans",
	"net.ipv4.tcp_ecn",
	"net.ipv4.tcp_ecn_fallback",
	"net.ipv4.tcp_ecn_option",
	"net.ipv4.tcp_ecn_option_beacon",
	"net.ipv4.tcp_ehash_entries",
	"net.ipv4.tcp_fack",
	"net.ipv4.tcp_fastopen",
	"net.ipv4.tcp_fastopen_blackhole_timeout_sec",
	"net.ipv4.tcp_fastopen_key",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_frto",
	"net.ipv4.tcp_fwmark_accept",
	"net.ipv4.tcp_invalid_ratelimit",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_l3mdev_accept",
	"net.ipv4.tcp_limit_output_bytes",
	"net.ipv4.tcp_low_latency",
	"net.ipv4.tcp_max_orphans",
	"net.ipv4.tcp_max_reordering",
	"net.ipv4.tcp_max_syn_backlog",
	"net.ipv4.tcp_max_tw_buckets",
	"net.ipv4.tcp_mem",
	"net.ipv4.tcp_migrate_req",
	"net.ipv4.tcp_min_rtt_wlen",
	"net.ipv4.tcp_min_snd_mss",
	"net.ipv4.tcp_min_tso_segs",
	"net.ipv4.tcp_moderate_rcvbuf",
	"net.ipv4.tcp_mtu_probe_floor",
	"net.ipv4.tcp_mtu_probing",
	"net.ipv4.tcp_no_metrics_save",
	"net.ipv4.tcp_no_ssthresh_metrics_save",
	"net.ipv4.tcp_notsent_lowat",
	"net.ipv4.tcp_orphan_retries",
	"net.ipv4.tcp_pacing_ca_ratio",
	"net.ipv4.tcp_pacing_ss_ratio",
	"net.ipv4.tcp_pingpong_thresh",
	"net.ipv4.tcp_plb_cong_thresh",
	"net.ipv4.tcp_plb_enabled",
	"net.ipv4.tcp_plb_idle_rehash_rounds",
	"net.ipv4.tcp_plb_rehash_rounds",
	"net.ipv4.tcp_plb_suspend_rto_sec",
	"net.ipv4.tcp_probe_interval",
	"net.ipv4.tcp_probe_threshold",
	"net.ipv4.tcp_recovery",
	"net.ipv4.tcp_reflect_tos",
	"net.ipv4.tcp_reordering",
	"net.ipv4.tcp_retrans_collapse",
	"net.ipv4.tcp_retries1",
	"net.ipv4.tcp_retries2",
	"net.ipv4.tcp_rfc1337",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_rto_max_ms",
	"net.ipv4.tcp_rto_min_us",
	"net.ipv4.tcp_sack",
	"net.ipv4.tcp_shrink_window",
	"net.ipv4.tcp_slow_start_after_idle",
	"net.ipv4.tcp_stdurg",
	"net.ipv4.tcp_syn_linear_timeouts",
	"net.ipv4.tcp_syn_retries",
	"net.ipv4.tcp_synack_retries",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_thin_linear_timeouts",
	"net.ipv4.tcp_timestamps",
	"net.ipv4.tcp_tso_rtt_log",
	"net.ipv4.tcp_tso_win_divisor",
	"net.ipv4.tcp_tw_recycle",
	"net.ipv4.tcp_tw_reuse",
	"net.ipv4.tcp_tw_reuse_delay",
	"net.ipv4.tcp_window_scaling",
	"net.ipv4.tcp_wmem",
	"net.ipv4.tcp_workaround_signed_windows",
	"net.ipv4.udp_child_hash_entries",
	"net.ipv4.udp_early_demux",
	"net.ipv4.udp_hash_entries",
	"net.ipv4.udp_l3mdev_accept",
	"net.ipv4.udp_mem",
	"net.ipv4.udp_rmem_min",
	"net.ipv4.udp_wmem_min",
	"net.ipv4.xfrm4_gc_thresh",
	"net.unix.max_dgram_qlen",
	NULL,
};

static bool in_tree(const char *key)
{
	for (size_t i = 0; trees[i]; i++)
		if (str_starts(key, trees[i]) && key[strlen(trees[i])])
			return true;
	return false;
}

bool sysctl_clean(const char *glob)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*?";
	size_t n = strlen(glob);

	return n > 0 && !glob[strspn(glob, good)] && glob[0] != '.' && glob[n - 1] != '.' &&
	       !strstr(glob, "..");
}

bool sysctl_grantable(const char *glob)
{
	size_t literal = strcspn(glob, "*?");

	if (!glob[literal])
		return in_tree(glob) || str_in(alone, glob);
	for (size_t i = 0; trees[i]; i++)
		if (strncmp(glob, trees[i],
			    literal < strlen(trees[i]) ? literal : strlen(trees[i])) == 0)
			return true;
	for (size_t i = 0; alone[i]; i++)
		if (str_glob(glob, alone[i]))
			return true;
	return false;
}

/* The best of TABLE, when it is nearer than *BEST. */
static const char *nearer(const char *const *table, const char *key, unsigned *best)
{
	const char *near = NULL;

	for (; *table; table++) {
		unsigned d = str_distance(*table, key, *best);

		if (d < *best) {
			*best = d;
			near = *table;
		}
	}
	return near;
}

const char *sysctl_misspelled(const char *glob)
{
	unsigned best = 3;
	const char *near, *nearest;

	if (glob[strcspn(glob, "*?")] || str_in(alone, glob) || str_in(spelled, glob))
		return NULL;
	nearest = nearer(alone, glob, &best);
	near = nearer(spelled, glob, &best);
	return near ? near : nearest;
}
