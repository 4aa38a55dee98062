#!/bin/bash
# Builds what the guests run, and prints a line for each kernel that can be had here:
# NAME IMAGE INITRD COMMAND-LINE-WORD...
#
# usage: prepare.sh NAME...     (cma, stock, links, systemd; bench: cma with optimised programs; smmu and bypass:
#                                 arm64, see arm64/; matrix: all of `machines`, as matrix:MACHINE)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/vm
mkdir -p "$work"

# The same instances of vivid in both: the first needs contiguous memory, the second maps with the CPU,
# the third is as the first with a buffer for each plane; each with its capture device only (0x1), of the
# 13 kinds it can have.
vivid="vivid.n_devs=3 vivid.allocators=1,0,1 vivid.multiplanar=1,1,2 vivid.node_types=0x1,0x1,0x1"

# skipped_or_failed NAME STATUS: 77 says that this machine cannot have that kernel.
skipped_or_failed() {
	[ "$2" = 77 ] || exit "$2"
	echo "SKIPPED kernel $1: see above" >&2
}

cma() {
	local image
	image=$("$here/kernel.sh") || { skipped_or_failed cma $? && return; }
	"$here/initrd.sh" "$target/debug" "$work/cma.initrd"
	# Most of the guest's memory is the contiguous area's: what `system` cannot have. Who takes that pays.
	echo cma "$image" "$work/cma.initrd" cma=600M dma_heap.mem_accounting=1 "$vivid"
}

bench() {
	local image
	image=$("$here/kernel.sh") || { skipped_or_failed bench $? && return; }
	cargo build --release --quiet --locked --package heapq-dbus --package heapq-tests --bins >&2
	"$here/initrd.sh" "$target/release" "$work/bench.initrd"
	echo bench "$image" "$work/bench.initrd" cma=64M
}

stock() {
	local dir
	dir=$("$here/stock.sh") || { skipped_or_failed stock $? && return; }
	"$here/initrd.sh" "$target/debug" "$work/stock.initrd" "$dir"
	# A load takes a second, where the host has nothing else to do.
	echo stock "$dir/vmlinuz" "$work/stock.initrd" "$vivid" "heapq.loads=${HEAPQ_VM_LOADS:-16}"
}

# The stock kernel, and a module that makes what no kernel has.
links() {
	local dir module
	dir=$("$here/stock.sh") || { skipped_or_failed links $? && return; }
	module=$("$here/heap-links/build.sh" "$dir" "$work/heap-links") || { skipped_or_failed links $? && return; }
	rm -rf "$work/links"
	cp -r "$dir" "$work/links"
	cp "$module" "$work/links/modules/"
	"$here/initrd.sh" "$target/debug" "$work/links.initrd" "$work/links"
	echo links "$dir/vmlinuz" "$work/links.initrd" "$vivid"
}

# Both kinds of memory that vivid maps, both directions, and one buffer a frame or one a plane.
instances="vivid.n_devs=4 vivid.allocators=1,0,1,0 vivid.multiplanar=1,1,2,2
	vivid.node_types=0x101,0x101,0x101,0x101 vivid.num_outputs=1,1,1,1 vivid.output_types=1,1,1,1"
displays="-device:bochs-display -device:virtio-gpu-pci"

guest() { # NAME: its line, for which the work is done once
	[ -e "$made/$1" ] || "$1" >"$made/$1"
	cat "$made/$1"
}

matrix() {
	local name kernel words line image initrd
	for kernel in cma stock; do
		line=$(guest "$kernel")
		[ -n "$line" ] || continue
		read -r _ image initrd _ <<<"$line"
		while read -r name _ words; do
			# shellcheck disable=SC2086 # words are words
			echo "matrix:$name" "$image" "$initrd" $words $displays $instances
		done < <(grep "^[^#]* $kernel " "$here/machines")
	done
}

systemd() {
	local dir
	dir=$("$here/stock.sh") || { skipped_or_failed systemd $? && return; }
	"$here/systemd.sh" "$target/debug" "$work/systemd.initrd" || { skipped_or_failed systemd $? && return; }
	echo systemd "$dir/vmlinuz" "$work/systemd.initrd" systemd.unit=scenario.service
}

# The arm64 kernel with its SMMU translating, and passing through.
smmu() { arm64 smmu; }
bypass() { arm64 bypass iommu.passthrough=1; }

arm64() { # NAME COMMAND-LINE-WORD...
	local name=$1 image
	shift
	image=$("$here/kernel.sh" arm64) || { skipped_or_failed "$name" $? && return; }
	[ -n "${arm64_packed:-}" ] || pack_arm64 || { skipped_or_failed "$name" $? && return; }
	arm64_packed=yes
	echo "$name" "$image" "$work/arm64.initrd" "$vivid" "$@"
}

pack_arm64() {
	local programs packages
	programs=$("$here/arm64/build.sh" "$work/arm64") || return
	packages=$("$here/packages.sh" arm64-guest) || return
	"$here/arm64/devicetree.sh" "$work/arm64.dtb" || return
	"$here/initrd.sh" "$programs" "$work/arm64.initrd" '' "$packages" "$target/debug/heapq"
}

cd "$root"
cargo build --quiet --locked --package heapq-dbus --package heapq-tests --bins >&2
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
for name in "$@"; do
	if [ "$name" = matrix ]; then matrix; else guest "$name"; fi
done
