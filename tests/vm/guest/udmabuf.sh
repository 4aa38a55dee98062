# shellcheck shell=bash
# Memory that no dma-heap gives. Sourced by scenario.sh.

huge_pages=4

step_udmabuf() { as camera heapq-guest ask udmabuf 1048576 3; }

break_udmabuf() { rm /dev/udmabuf; }

# Contiguous, as far as one page goes.
step_udmabuf_huge() {
	echo "$huge_pages" >/proc/sys/vm/nr_hugepages
	kill -HUP "$(cat "$daemon_pid")"
	within 30 as camera heapq-guest ask udmabuf-2M 2097152 1
	as camera heapq-guest ask udmabuf-2M 460800 2
	exits 3 as camera heapq-guest ask udmabuf-2M 2101248 1
	echo 0 >/proc/sys/vm/nr_hugepages
	kill -HUP "$(cat "$daemon_pid")"
	nobody_killed
}

break_udmabuf_huge() { huge_pages=0; }

wrap_option=()

step_wrap() {
	as camera heapq-guest wrap 1048576 ${wrap_option[@]+"${wrap_option[@]}"}
	exits 4 as stranger heapq-guest wrap 1048576
}

# Nobody may make dma-bufs of memory that its owner can take away.
break_wrap() { wrap_option=(--unsealed); }
