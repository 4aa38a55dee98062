#!/bin/bash
# Packs the root file system of a guest that systemd runs: Debian 13's own packages, unpacked, with what
# `make install` installs, the test client and the scenario.
#
# usage: systemd.sh BIN-DIR OUT
# Exit status 77: cannot be had here (no Debian, no network); the reason is on stderr.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"

bin=$1 out=$2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq/vm/systemd-polkit-trixie
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# 30 MB of packages, kept in the cache until its directory is removed.
debian() { # into the current directory
	debian_open "$PWD/apt" trixie || exit 77
	echo "heapq: fetching systemd, polkit and what they need (30 MB, once)"
	debian_tree systemd-sysv udev dbus polkitd bash coreutils grep sed findutils util-linux || exit 77
	rm -rf apt root/usr/lib/udev/hwdb.d root/usr/lib/x86_64-linux-gnu/{gconv,perl-base}
}

users() {
	mkdir -p "$tree/etc/sysusers.d"
	cat >"$tree/etc/sysusers.d/scenario.conf" <<-'LIST'
		u camera 1000
		u stranger 1001
		m camera heapq
	LIST
	echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
	# As base-files has it once it is configured.
	rmdir "$tree/var/run"
	ln -s ../run "$tree/var/run"
}

scenario() {
	mkdir "$tree/scenario" "$tree/new"
	cp "$here"/guest/{*.sh,start-systemd} "$here/steps" "$tree/scenario/"
	cp "$here/guest/init-systemd" "$tree/init"
	cp "$here/guest/scenario.service" "$tree/etc/systemd/system/"
}

ours() {
	local name stripped=$tree/stripped
	mkdir "$stripped"
	for name in heapqd heapq heapq-guest; do strip -o "$stripped/$name" "$bin/$name"; done
	mv "$stripped/heapq-guest" "$tree/usr/bin/"
	"$here/../tools/install.sh" "$stripped" "$tree" /usr
	rm -r "$stripped"
}

debian_cached "$cache" debian
cp -a "$cache/root/." "$tree"
users
scenario
ours
chmod 755 "$tree"
(cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$out.new"
mv "$out.new" "$out"
