#!/bin/bash
# Installs what is missing of the Debian packages that a make target needs.
#
# usage: deps.sh GROUP...      groups: build check vm arm64 fuzz bench kernel kernel-arm64
#
# Each line of `needs` gives a package and how to see that it is there already, whoever installed
# it; only what fails its probe is installed. Without apt, or without a way to become root, it says
# what to install and exits 1.
set -euo pipefail

needs() {
	cat <<-'LIST'
		build  gcc              command:cc
		build  libc6-dev        header:stdlib.h
		build  pkg-config       command:pkg-config
		build  libudev-dev      pkg-config:libudev
		check  python3-venv     python:ensurepip
		check  dbus-daemon      command:dbus-daemon
		check  shellcheck       command:shellcheck
		check  mandoc           command:mandoc
		check  ca-certificates  file:/etc/ssl/certs/ca-certificates.crt
		vm     qemu-system-x86  command:qemu-system-x86_64
		vm     busybox-static   static:busybox
		vm     cpio             command:cpio
		vm     kmod             command:modinfo
		vm     xz-utils         command:xz
		vm     dbus-daemon      command:dbus-daemon
		vm     dbus-system-bus-common  file:/usr/share/dbus-1/system.conf
		arm64  qemu-system-arm  command:qemu-system-aarch64
		arm64  device-tree-compiler  command:dtc
		arm64  binutils         command:readelf
		arm64  cpio             command:cpio
		fuzz   g++              command:c++
		bench  libsystemd-dev   pkg-config:libsystemd
		bench  dbus-daemon      command:dbus-daemon
		bench  dbus-broker      command:dbus-broker
		kernel make             command:make
		kernel flex             command:flex
		kernel bison            command:bison
		kernel bc               command:bc
		kernel libelf-dev       pkg-config:libelf
		kernel libssl-dev       pkg-config:openssl
		kernel-arm64  gcc-aarch64-linux-gnu  command:aarch64-linux-gnu-gcc
	LIST
}

there() { # PROBE
	local what=${1#*:}
	case $1 in
	command:*) command -v "$what" >/dev/null || [ -x "/sbin/$what" ] || [ -x "/usr/sbin/$what" ] ;;
	header:*) echo "#include <$what>" | cc -E - >/dev/null 2>&1 ;;
	pkg-config:*) pkg-config --exists "$what" 2>/dev/null ;;
	python:*) python3 -c "import $what" 2>/dev/null ;;
	file:*) [ -e "$what" ] ;;
	# The guest has no libraries for its first process: a dynamic busybox will not do.
	static:*) command -v "$what" >/dev/null && ! ldd "$(command -v "$what")" >/dev/null 2>&1 ;;
	esac
}

missing() { # GROUP... : packages, each once
	local group package probe
	needs | while read -r group package probe; do
		case " $* " in *" $group "*) there "$probe" || echo "$package" ;; esac
	done | sort -u
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

give_up() { # WHY PACKAGE...
	local why=$1
	shift
	echo "heapq: $why; please install (Debian's names): $*" >&2
	exit 1
}

main() {
	local packages
	mapfile -t packages < <(missing "$@")
	[ ${#packages[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || give_up "there is no apt here" "${packages[@]}"
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || give_up "not root, and no sudo" "${packages[@]}"
	echo "heapq: installing ${packages[*]}"
	local install=(env DEBIAN_FRONTEND=noninteractive
		apt-get install -y -qq --no-install-recommends "${packages[@]}")
	# Fresh machines have empty or stale lists: a failed installation is tried again after an update.
	as_root "${install[@]}" >/dev/null 2>&1 && return 0
	as_root apt-get update -qq || echo "heapq: apt-get update failed; trying with what it has" >&2
	as_root "${install[@]}" >/dev/null || give_up "apt-get could not install them" "${packages[@]}"
	mapfile -t packages < <(missing "$@")
	[ ${#packages[@]} -eq 0 ] || give_up "still missing after the installation" "${packages[@]}"
}

main "$@"
