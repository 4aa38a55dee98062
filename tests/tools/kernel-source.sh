#!/bin/bash
# Prints a directory with the sources of Debian's current kernel, as far as driver tables need them:
# drivers, include and Makefile.
#
# Downloaded once (170 MB; 1.3 GB unpacked) into ~/.cache/heapq, with signatures checked.
# HEAPQ_KERNEL_SOURCE=DIR takes an unpacked tree.
# Exit status 77: cannot be had here (no Debian, no network); the reason is on stderr.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
. "$here/../vm/debian.sh"

if [ -n "${HEAPQ_KERNEL_SOURCE:-}" ]; then
	realpath -e "$HEAPQ_KERNEL_SOURCE"
	exit
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq/kernel-source
mkdir -p "$cache"
debian_open "$cache/apt" trixie-backports >&2 || exit 77
package=$(debian_newest linux-source)
if [ ! -d "$cache/$package" ]; then
	echo "heapq: fetching $package (170 MB, once)" >&2
	# Complete or not there: an interruption leaves nothing behind.
	new=$cache/new.$$
	trap 'rm -rf "$new"' EXIT
	mkdir -p "$new/source"
	debian_unpack "$package" "$new" >&2 || exit 77
	tar -xf "$new/root/usr/src/$package.tar.xz" -C "$new/source" --strip-components=1 --wildcards \
		"$package/drivers" "$package/include" "$package/Makefile"
	mv "$new/source" "$cache/$package"
fi
echo "$cache/$package"
