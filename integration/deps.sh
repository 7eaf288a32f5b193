#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# deps - installs what building, testing and checking need and this machine lacks. Silent when nothing is missing.
# usage: deps.sh [build|test|lint]...        all three when none is named
set -eu

# group  how to see it is there  Debian  Fedora  Alpine (-: there is none)
table() {
	cat <<-'EOT'
		build cmd:cc gcc gcc gcc
		build file:stdio.h libc6-dev glibc-devel musl-dev
		build cmd:make make make make
		build cmd:pkg-config pkg-config pkgconf-pkg-config pkgconf
		build pc:libseccomp libseccomp-dev libseccomp-devel libseccomp-dev
		build pc:libcap libcap-dev libcap-devel libcap-dev
		build pc:yajl libyajl-dev yajl-devel yajl-dev
		build pc:libsodium libsodium-dev libsodium-devel libsodium-dev
		build pc:libmnl libmnl-dev libmnl-devel libmnl-dev
		test cmd:nft nftables nftables nftables
		test cmd:bash bash bash bash
		test cmd:containerd containerd containerd containerd
		test cmd:runc runc runc runc
		test cmd:crun crun crun crun
		test cmd:dockerd docker.io moby-engine docker-engine
		test cmd:docker docker.io docker-cli docker-cli
		test cmd:docker-init tini tini-static -
		test cmd:iptables iptables iptables-nft iptables
		test cmd:ctr containerd containerd containerd-ctr
		test cmd:crun crun crun crun
		test cmd:podman podman podman podman
		test cmd:conmon conmon conmon conmon
		test file:/usr/lib/podman/netavark netavark - -
		test cmd:slirp4netns slirp4netns slirp4netns slirp4netns
		test cmd:newuidmap uidmap shadow-utils shadow-uidmap
		test cmd:setpriv util-linux util-linux setpriv
		test cmd:catatonit catatonit - -
		test cmd:busybox busybox-static busybox busybox-static
		test cmd:jq jq jq jq
		test cmd:bsdtar libarchive-tools bsdtar libarchive-tools
		test cmd:minisign minisign minisign minisign
		test cmd:ip iproute2 iproute iproute2
		test cmd:unshare util-linux util-linux util-linux
		test cmd:script bsdutils util-linux util-linux-misc
		test cmd:flock util-linux util-linux flock
		test cmd:logrotate logrotate logrotate logrotate
		test cmd:zsh zsh zsh zsh
		test file:/usr/share/bash-completion/bash_completion bash-completion bash-completion bash-completion
		test cmd:journalctl systemd systemd -
		test py:grpc python3-grpcio python3-grpcio py3-grpcio
		test cni:ptp containernetworking-plugins containernetworking-plugins cni-plugins
		test py:jsonschema python3-jsonschema python3-jsonschema py3-jsonschema
		test py:yaml python3-yaml python3-pyyaml py3-yaml
		lint cmd:git git git git
		lint cmd:gcc gcc gcc gcc
		lint cmd:clang clang clang clang
		lint cmd:clang-format clang-format clang-tools-extra clang-extra-tools
		lint cmd:clang-tidy clang-tidy clang-tools-extra clang-extra-tools
		lint cmd:cppcheck cppcheck cppcheck cppcheck
		lint cmd:shellcheck shellcheck ShellCheck shellcheck
		lint cmd:mandoc mandoc mandoc mandoc
	EOT
}

there() {
	case $1 in
	cmd:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1#cmd:}" >/dev/null ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	py:*) /usr/bin/python3 -c "import ${1#py:}" 2>/dev/null ;;
	cni:*) [ -e "/usr/lib/cni/${1#cni:}" ] || [ -e "/usr/libexec/cni/${1#cni:}" ] ;;
	file:/*) [ -e "${1#file:}" ] ;;
	file:*) [ -e "/usr/include/${1#file:}" ] ;;
	esac
}

column=0
for pair in apt-get:3 dnf:4 apk:5; do
	if command -v "${pair%:*}" >/dev/null; then
		tool=${pair%:*} column=${pair#*:}
		break
	fi
done

missing=''
[ $# -gt 0 ] || set -- build test lint
for group in "$@"; do
	while read -r g how deb rpm apk; do
		[ "$g" = "$group" ] || continue
		there "$how" && continue
		case $column in
		3) p=$deb ;;
		4) p=$rpm ;;
		5) p=$apk ;;
		*) p=${how#*:} ;;
		esac
		[ "$p" != - ] || continue
		case " $missing " in *" $p "*) ;; *) missing="$missing $p" ;; esac
	done <<-EOF
		$(table)
	EOF
done
[ -n "$missing" ] || exit 0

if [ "$column" -eq 0 ]; then
	echo "deps: missing:$missing; none of apt-get, dnf, apk is here to install it" >&2
	exit 1
elif [ "$(id -u)" -ne 0 ]; then
	echo "deps: missing:$missing; run \`make deps\` as root to install with $tool" >&2
	exit 1
fi
echo "deps: installing$missing" >&2
# shellcheck disable=SC2086 # a list of names
case $tool in
apt-get)
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update && apt-get -qq -y install --no-install-recommends $missing >/dev/null
	;;
dnf) dnf -q -y install $missing ;;
apk) apk -q add $missing ;;
esac
