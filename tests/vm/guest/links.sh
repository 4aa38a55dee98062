# shellcheck shell=bash
# Heaps that sysfs links a device to, by the module of tests/vm/heap-links. Sourced by scenario.sh.

linked=vivid.0

# link DEVICE HEAP...: until `unlink_heaps`. The kernel has none of these heaps: their nodes give what `system`'s does.
link() {
	local heap heaps numbers
	heaps=$(IFS=, && echo "${*:2}")
	! rmmod heap_links 2>/dev/null || echo 'a step before this one left it there'
	# First, since the daemon looks for it when the heap's uevent comes.
	read -r -a numbers < <(stat -c '%t %T' /dev/dma_heap/system)
	for heap in "${@:2}"; do
		rm -f "/dev/dma_heap/$heap"
		mknod -m 600 "/dev/dma_heap/$heap" c $((0x${numbers[0]})) $((0x${numbers[1]}))
		chown heapq "/dev/dma_heap/$heap"
	done
	insmod /modules/heap_links.ko on="$1" heaps="$heaps"
}

unlink_heaps() {
	rmmod heap_links
	rm -f /dev/dma_heap/{camera,panel}
}

# A heap of which nothing is known is for nobody, and one for everybody could be any other of its kind.
heap_rule='[[heap]]
names = ["camera", "panel"]
reserved-for = ["vivid", "cpu-read"]
contiguous = false
cached = true'

candidates_are() { # NODE HEAP...: in any order
	local found
	found=$(plan "$1" | sed -n 's/^candidates  *//p' | tr -d , | xargs -n 1 | sort | xargs)
	[ "$found" = "${*:2}" ]
}

linked_by() { # LINK HEAP...: who says so, and what follows
	(within 60 candidates_are "$vmalloc" "${@:2}") || fail "$(plan "$vmalloc"; heapq --daemon heaps)"
	knows "$vmalloc" "needs +link = .* $1"
	as camera heapq-guest offer "$vmalloc" >/tmp/offer
	grep -q "takes .* from $2\$" /tmp/offer || fail "$(cat /tmp/offer)"
}

# The daemon hears of it by uevents of the device's nodes.
step_link_one() {
	mkdir -p /etc/heapq/policy.d
	echo "$heap_rule" >/etc/heapq/policy.d/95-links.toml
	restart_daemon
	candidates_are "$vmalloc" system udmabuf || fail "$(plan "$vmalloc")"
	link "$linked" camera
	linked_by /sys/devices/platform/vivid.0/dma_heap camera
	unlink_heaps
	within 60 candidates_are "$vmalloc" system udmabuf
}

# It is another device's.
break_link_one() { linked=platform; }

step_link_several() {
	link "$linked" camera panel
	linked_by /sys/devices/platform/vivid.0/dma_heap camera panel
	unlink_heaps
}

break_link_several() { linked=platform; }
