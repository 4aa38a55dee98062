# shellcheck shell=bash
# How long a frame takes from the daemon, beside how long its memory takes. Sourced by scenario.sh.

# Only said, never asked for: a machine that is emulated on a busy one has no pace of its own. The
# daemon's user may open heaps, and is granted what its group is.
step_frame_cost() {
	local heap ratio
	for heap in system default_cma_region; do
		ratio=$(as heapq heapq-guest cost "$heap")
		echo "Allocate of a 1080p frame / bare ioctl, $heap, peer to peer: $ratio, budget 1.05" >&3
	done
}

break_frame_cost() { rm /dev/dma_heap/system; }
