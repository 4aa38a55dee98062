#!/bin/bash
# Packs the guest's root file system: what `make install` installs, a real dbus-daemon and udevd with
# their rules and libraries, busybox, the test client and the scenario.
#
# usage: initrd.sh BIN-DIR OUT [STOCK-KERNEL-DIR]     (the latter's modules come too)
#        initrd.sh BIN-DIR OUT '' ROOT HEAPQ          for programs of another architecture: ROOT is a
#        tree of its packages, HEAPQ a heapq that runs here
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=$1 out=$2 stock=${3:-} root=${4:-} heapq=${5:-}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# Where files are that this machine does not have installed: see `udev_files`.
elsewhere=$root

# libraries FILE: those that FILE is linked with, at the paths that they have on an installed system.
libraries() {
	if [ -n "$root" ]; then foreign_libraries "$1"; else native_libraries "$1"; fi
}

# As the dynamic linker would search, had this machine one of that architecture.
foreign_libraries() {
	local name file to
	for name in $(readelf --dynamic "$1" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p'); do
		file=$(find "$root/usr/lib" -maxdepth 3 -name "$name" -printf '%d %p\n' | sort -n | sed -n '1s/[^ ]* //p')
		if [ -z "$file" ]; then
			echo "a library of $1 is missing in $root: $name" >&2
			return 1
		fi
		to=$tree${file#"$root"}
		[ ! -e "$to" ] || continue
		mkdir -p "$(dirname "$to")"
		cp -L "$file" "$to"
		foreign_libraries "$to"
	done
}

native_libraries() {
	local list library to lib=$elsewhere/usr/lib/x86_64-linux-gnu
	list=$(LD_LIBRARY_PATH=$lib:$elsewhere/lib/x86_64-linux-gnu:$lib/systemd ldd "$1" 2>/dev/null) || return 0
	case $list in
	*'not found'*)
		echo "a library of $1 is missing here: $list" >&2
		return 1
		;;
	esac
	for library in $(grep -o '/[^ )]*' <<<"$list"); do
		to=$tree${library#"$elsewhere"}
		[ -e "$to" ] && continue
		mkdir -p "$(dirname "$to")"
		cp -L "$library" "$to"
	done
}

program() { # FILE [DESTINATION]
	local to=$tree${2:-$1}
	mkdir -p "$(dirname "$to")"
	cp -L "$1" "$to"
	libraries "$1"
}

tool() { # NAME: an installed program
	local file=$root/usr/bin/$1
	[ -n "$root" ] || file=$(command -v "$1")
	program "$file" "/usr/bin/$1"
}

skeleton() {
	mkdir -p "$tree"/usr/{bin,sbin,lib,lib64} "$tree"/{dev,proc,sys,run,tmp,etc,root,var/lib/dbus}
	local dir
	for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$tree/$dir"; done
	ln -s ../run "$tree/var/run"
	cp "$here/guest/init" "$tree/init"
	mkdir "$tree/scenario"
	cp "$here"/guest/*.sh "$here/steps" "$tree/scenario/"
}

# The users of the scenario. `camera` is in group heapq, which the shipped policy grants; `stranger`
# is not. The groups before them are those that udev's own rules name.
accounts() {
	cat >"$tree/etc/passwd" <<-'LIST'
		root:x:0:0:root:/root:/bin/sh
		messagebus:x:101:101::/:/bin/false
		heapq:x:102:102::/:/bin/false
		camera:x:1000:1000::/:/bin/sh
		stranger:x:1001:1001::/:/bin/sh
	LIST
	cat >"$tree/etc/group" <<-'LIST'
		root:x:0:
		messagebus:x:101:
		heapq:x:102:camera
		camera:x:1000:
		stranger:x:1001:
		video:x:44:camera,stranger
	LIST
	local gid=200 group
	for group in tty disk lp cdrom audio render kvm input sgx dialout kmem floppy tape netdev; do
		echo "$group:x:$((gid += 1)):" >>"$tree/etc/group"
	done
	echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
	ln -s /etc/machine-id "$tree/var/lib/dbus/machine-id"
}

# udev_files: sets `elsewhere` to where the udev package's files are. A machine without udevd (a
# container) downloads it, with what of its dependencies is missing, and installs nothing.
udev_files() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq/vm/udev packages package
	[ -z "$root" ] || return 0
	[ ! -x /usr/bin/udevadm ] || [ ! -d /usr/lib/udev/rules.d ] || return 0
	elsewhere=$cache
	[ ! -d "$cache" ] || return 0
	rm -rf "$cache.new"
	mkdir -p "$cache.new"
	mapfile -t packages < <(apt-get install --simulate --no-install-recommends udev | awk '/^Inst/ { print $2 }')
	(cd "$cache.new" && apt-get -q -q -o "APT::Sandbox::User=$(id -un)" download "${packages[@]}")
	for package in "$cache.new"/*.deb; do dpkg-deb -x "$package" "$cache.new"; done
	rm "$cache.new"/*.deb
	mv "$cache.new" "$cache"
}

udev() {
	local dir
	udev_files
	mkdir -p "$tree/usr/lib/udev" "$tree/usr/lib/systemd"
	for dir in usr/bin bin; do
		[ ! -e "$elsewhere/$dir/udevadm" ] || program "$elsewhere/$dir/udevadm" /usr/bin/udevadm
	done
	# udevd and udevadm are one program, told apart by its name.
	ln -s /usr/bin/udevadm "$tree/usr/lib/systemd/systemd-udevd"
	for dir in usr/lib/udev lib/udev; do
		dir=$elsewhere/$dir
		[ ! -d "$dir/rules.d" ] || cp -R "$dir/rules.d" "$tree/usr/lib/udev/"
		[ ! -e "$dir/v4l_id" ] || program "$dir/v4l_id" /usr/lib/udev/v4l_id
	done
}

bus() {
	tool dbus-daemon
	mkdir -p "$tree/usr/share/dbus-1/system.d" "$tree/etc/dbus-1"
	cp "$root/usr/share/dbus-1/system.conf" "$tree/usr/share/dbus-1/"
}

ours() {
	local name stripped=$tree/stripped
	mkdir "$stripped"
	for name in heapqd heapq heapq-guest; do
		# Most of a program is debugging information, which nobody reads in there. That of another
		# architecture has none.
		if [ -n "$root" ]; then cp "$bin/$name" "$stripped"; else strip -o "$stripped/$name" "$bin/$name"; fi
		libraries "$stripped/$name"
	done
	mv "$stripped/heapq-guest" "$tree/usr/bin/"
	"$here/../tools/install.sh" "$stripped" "$tree" /usr ${heapq:+"$heapq"}
	rm -r "$stripped"
}

modules() { # DIR
	mkdir "$tree/modules"
	cp "$1"/modules/*.ko "$tree/modules/"
	cp "$1/modules.order" "$tree/modules/order"
}

skeleton
accounts
for name in busybox bash setpriv; do tool "$name"; done
udev
bus
ours
[ -z "$stock" ] || modules "$stock"
chmod 755 "$tree"
# Whoever packs it, the files are root's; renamed when complete.
(cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$out.new"
mv "$out.new" "$out"
