#!/bin/bash
# The CMA kernel: prints the path of its image. HEAPQ_VM_KERNEL=FILE takes a ready one; otherwise it
# is built once from Debian's linux-source package (trixie-backports) with kernel.config and what its
# architecture adds, which takes 170 MB of download, 3 GB of disk while it builds and some ten minutes on
# two processors.
#
# usage: kernel.sh            for amd64
#        kernel.sh arm64      where HEAPQ_VM_KERNEL_ARM64=FILE takes a ready one
#
# Debian's own kernels have no CMA heap on amd64, and without one nothing shows that heapq tells
# contiguous memory from scattered; on arm64 they have no heaps at all.
# Exit status 77: cannot be had here (no Debian, no network); the reason is on stderr.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"

case ${1:-amd64} in
amd64)
	name=cma ready=${HEAPQ_VM_KERNEL:-}
	arch=x86_64 image=bzImage compiler=
	;;
arm64)
	name=cma-arm64 ready=${HEAPQ_VM_KERNEL_ARM64:-}
	arch=arm64 image=Image compiler=aarch64-linux-gnu-
	;;
esac
configs=("$here/kernel.config" "$here/kernel-${1:-amd64}.config")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq/vm
# A changed configuration is another kernel.
out=$cache/$name-$(cat "${configs[@]}" | sha256sum | cut -c 1-16)

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
	nice make -C source O="$PWD/build" ARCH="$arch" CROSS_COMPILE="$compiler" -s "$@"
}

configure() {
	local option lost=0
	mkdir build
	kbuild tinyconfig
	ARCH=$arch source/scripts/kconfig/merge_config.sh -m -O build build/.config "${configs[@]}" >/dev/null
	kbuild olddefconfig
	while read -r option; do
		grep -qxF -- "$option" build/.config && continue
		echo "this kernel does not take $option"
		lost=1
	done < <(cat "${configs[@]}" | grep '^CONFIG_')
	return $lost
}

build() { # in the current directory
	"$here/../tools/deps.sh" kernel ${compiler:+kernel-arm64}
	source_tree
	configure
	echo "heapq: building a kernel with CMA (some ten minutes, once)"
	kbuild -j"$(nproc)" "$image"
	# x86 names that directory after both of its architectures.
	mv build/arch/"${arch/x86_64/x86}/boot/$image" build/.config .
	rm -rf build source
}

if [ -n "$ready" ]; then
	realpath -e "$ready"
	exit
fi
debian_cached "$out" build
echo "$out/$image"
