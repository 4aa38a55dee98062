#!/bin/bash
# The CMA kernel: prints the path of its image. HEAPQ_VM_KERNEL=FILE takes a ready one; otherwise it
# is built once from Debian's linux-source package (trixie-backports) with kernel.config, which takes
# 170 MB of download, 3 GB of disk while it builds and some ten minutes on two processors.
#
# Debian's own kernels have no CMA heap on amd64, and without one nothing shows that heapq tells
# contiguous memory from scattered.
# Exit status 77: cannot be had here (no Debian, no network); the reason is on stderr.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"

config=$here/kernel.config
cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq/vm
# A changed configuration is another kernel.
out=$cache/cma-$(sha256sum "$config" | cut -c 1-16)

source_tree() { # into ./source; the package is unpacked without being installed
	local package
	debian_open "$PWD/apt" trixie-backports || exit 77
	package=$(debian_newest linux-source)
	echo "heapq: fetching $package (170 MB, once)"
	debian_unpack "$package" "$PWD" || exit 77
	mkdir source
	tar -xf root/usr/src/"$package".tar.xz -C source --strip-components=1
	rm -rf root apt ./*.deb
}

kbuild() {
	# Whoever tests wants to go on working meanwhile.
	nice make -C source O="$PWD/build" ARCH=x86_64 -s "$@"
}

configure() {
	local option lost=0
	mkdir build
	kbuild tinyconfig
	ARCH=x86_64 source/scripts/kconfig/merge_config.sh -m -O build build/.config "$config" >/dev/null
	kbuild olddefconfig
	while read -r option; do
		grep -qxF -- "$option" build/.config && continue
		echo "this kernel does not take $option"
		lost=1
	done < <(grep '^CONFIG_' "$config")
	return $lost
}

build() { # in the current directory
	source_tree
	configure
	echo "heapq: building a kernel with CMA (some ten minutes, once)"
	kbuild -j"$(nproc)" bzImage
	mv build/arch/x86/boot/bzImage build/.config .
	rm -rf build source
}

if [ -n "${HEAPQ_VM_KERNEL:-}" ]; then
	realpath -e "$HEAPQ_VM_KERNEL"
	exit
fi
if [ ! -e "$out/bzImage" ]; then
	"$here/../tools/deps.sh" kernel >&2
	# Complete or not there: an interruption leaves nothing behind.
	new=$out.new.$$
	trap 'rm -rf "$new"' EXIT
	mkdir -p "$new"
	cd "$new"
	build >&2
	mv "$new" "$out"
fi
echo "$out/bzImage"
