#!/bin/bash
# Builds the module for Debian's stock kernel, with the headers and the compiler of its packages: prints
# its file.
#
# usage: build.sh STOCK-KERNEL-DIR WORK-DIR
# Exit status 77: cannot be had here; the reason is on stderr.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=$(cat "$1/version")
mkdir -p "$2"
work=$(realpath "$2")

if ! root=$("$here/../packages.sh" headers "$version"); then
	echo "heapq: no headers for the kernel in $1; without that directory, a newer one is fetched" >&2
	exit 77
fi
cp "$here"/{heap_links.c,Kbuild} "$work"
"$here/../enter.sh" "$root" "$work:/module" -- \
	make -s -C "/usr/src/linux-headers-$version" M=/module modules >&2
echo "$work/heap_links.ko"
