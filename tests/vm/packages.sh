#!/bin/bash
# Debian's packages, unpacked and not installed: prints the directory of the tree.
#
# usage: packages.sh arm64-toolchain     what builds heapq for arm64 on amd64 (300 MB of download)
#        packages.sh arm64-guest         what its guest runs beside heapq (20 MB)
#        packages.sh headers VERSION     what builds modules for this kernel of Debian's (100 MB)
#
# A machine needs none of these installed, and may be an older Debian. Kept in the cache under a name made
# of what it consists of.
# Exit status 77: cannot be had here (no Debian, no network); the reason is on stderr.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"

debian_arch=amd64
case $1 in
arm64-toolchain)
	debian_arch=amd64,arm64
	packages=({rustc,cargo,libstd-rust-dev,libstd-rust-dev:arm64}/trixie-backports
		gcc-aarch64-linux-gnu libc6-dev:arm64 libudev-dev:arm64 pkgconf)
	;;
arm64-guest)
	debian_arch=arm64
	packages=(bash busybox-static dbus-daemon dbus-system-bus-common libgcc-s1 libudev1 udev util-linux)
	;;
headers)
	packages=("linux-headers-$2" make dash coreutils findutils grep sed mawk)
	;;
esac

# What every Debian has and no package of these.
skeleton() {
	local dir
	mkdir -p root/usr/{bin,sbin,lib,lib64} root/tmp
	for dir in bin sbin lib lib64; do ln -s "usr/$dir" "root/$dir"; done
	ln -s mawk root/usr/bin/awk
}

fetch() { # into the current directory
	debian_open "$PWD/apt" trixie trixie-backports || exit 77
	echo "heapq: fetching ${packages[*]} and what they need (once)"
	skeleton
	debian_tree "${packages[@]}" || exit 77
	# The compiler of arm64 that comes with its standard library, and is 0.3 GB.
	rm -rf apt root/usr/lib/aarch64-linux-gnu/libLLVM*
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq/vm
out=$cache/$1-$(echo "$debian_arch" "${packages[@]}" | sha256sum | cut -c 1-16)
debian_cached "$out" fetch
echo "$out/root"
