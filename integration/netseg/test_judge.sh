#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_judge - the kernel agrees with the model: random policies in force, random packets, IPv4 and IPv6, TCP, UDP,
# SCTP, ICMP and others, in and out, with addresses of this namespace and without. What comes through is what the model
# lets pass.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="ip nsenter sysctl"
it_enter "$0" "$@"

said=$("$B/tests/prog_netjudge" 100 200 2>&1)
it_result $? "20,000 packets under 100 policies: ${said##*$'\n'}" "$said"
it_done
