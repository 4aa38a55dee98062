#!/bin/bash
# Prints a directory with the devicetree of every arm64 board that Debian's current kernel knows.
#
# Downloaded once (5 MB) into a directory that is kept, with signatures checked; a newer kernel is
# fetched when its package is there.  Usage: boards.sh DIR
set -eu
here=$(realpath "$(dirname "$0")")
# shellcheck source=../vm/debian.sh
. "$here/../vm/debian.sh"

mkdir -p "$1"
dir=$(realpath "$1")
# Kernels 7.x have the trees in a package of their own; it is in backports and in sid.
debian_arch=arm64
if debian_open "$dir/apt" trixie-backports >&2; then
	package=$(apt-cache "${debian_apt[@]}" search --names-only '^linux-base-[0-9.]*[+]deb[0-9]*-arm64$' |
		awk '{ print $1 }' | sort -V | tail -n 1)
	if [ -z "$package" ]; then
		echo "the mirror has no linux-base package for arm64" >&2
		exit 1
	fi
	if ! [ -d "$dir/$package" ]; then
		rm -rf "$dir/root"
		debian_unpack "$package" "$dir" >&2
		mv "$dir"/root/usr/lib/modules/*/dtb "$dir/$package"
		rm -rf "$dir/root" "$dir/$package"_*.deb
	fi
elif ! package=$(cd "$dir" && printf '%s\n' linux-base-* | sort -V | tail -n 1) || ! [ -d "$dir/$package" ]; then
	exit 1
fi
echo "$dir/$package"
