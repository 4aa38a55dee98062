#!/bin/bash
# Debian 13's own amd64 kernel: prints a directory with `vmlinuz`, `modules/NAME.ko` (importers and all
# that they need), `modules.order` (in the order of loading) and `version`.
#
# It is what most people run, it has the heap `system` only, and nobody configured it for us. Kept in
# the cache until its directory is removed: the package is 100 MB.
# Exit status 77: cannot be had here (no Debian, no network); the reason is on stderr.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq/vm
# The name changes with what is collected.
out=$cache/stock-trixie-displays

# with_needs DIR MODULE: unpacks MODULE from the tree DIR after all it depends on, into ./modules.
with_needs() {
	local name=${2//-/_} file need
	grep -qx "$name" modules.order && return
	file=$(find "$1" -name "${name//_/[-_]}.ko*" | head -n 1)
	# What is in no file is built into the kernel.
	[ -n "$file" ] || return 0
	case $file in
	*.xz) xz -dc "$file" ;;
	*) cat "$file" ;;
	esac >"modules/$name.ko"
	for need in $(PATH=$PATH:/sbin:/usr/sbin modinfo -F depends "modules/$name.ko" | tr , ' '); do
		with_needs "$1" "$need"
	done
	echo "$name" >>modules.order
}

collect() { # PACKAGE: the parts that the guest needs, from ./root to here
	local module
	mkdir -p modules
	: >modules.order
	for module in vivid vgem bochs virtio_gpu; do with_needs "root/usr/lib/modules" "$module"; done
	cp root/boot/vmlinuz-* vmlinuz
	echo "${1#linux-image-}" >version
	rm -rf root ./*.deb
}

fetch() { # into the current directory
	local package
	debian_open "$PWD/apt" trixie || exit 77
	package=$(debian_newest linux-image-amd64)
	echo "heapq: fetching $package (100 MB, once)"
	debian_unpack "$package" "$PWD" || exit 77
	collect "$package"
	rm -rf apt
}

debian_cached "$out" fetch
echo "$out"
