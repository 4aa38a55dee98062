# shellcheck shell=bash
# What heapq decides for two devices, and what the kernel says to that. Sourced by scenario.sh.

# plan NODE: `heapq plan` for a camera there whose frames the CPU reads.
plan() { as camera heapq --daemon plan "camera=$1:capture" viewer=cpu:cpu-read --size 4M; }

heap_for() { # NODE: the chosen heap
	plan "$1" | sed -n 's/^heap  *//p'
}

step_plan_vmalloc() {
	local heap
	heap=$(heap_for "$vmalloc")
	[ "$heap" = system ] || fail "$vmalloc: $heap"
}

break_plan_vmalloc() { vmalloc=$contiguous; }

step_plan_contiguous() {
	local heap
	heap=$(heap_for "$contiguous")
	# One area, known by several names: Linux 6.17 renamed it and keeps the old name.
	case $heap in
	default_cma_region | reserved) ;;
	*) fail "$contiguous: $heap" ;;
	esac
}

# The administrator says that the device does not need it after all.
break_plan_contiguous() {
	mkdir -p /etc/heapq/policy.d
	printf '[[device]]\nmatch = { driver = "vivid" }\noverride = ["contiguous"]\n' \
		>/etc/heapq/policy.d/90-wrong.toml
	restart_daemon
}

step_conflict_contiguous() {
	exits 3 plan "$contiguous" >/tmp/conflict
	grep -q 'camera.*contiguous' /tmp/conflict || fail "$(cat /tmp/conflict)"
}

break_conflict_contiguous() { break_plan_contiguous; }

capture_option=()
# Expands to nothing where there is none.
capture() { as camera heapq-guest capture "$1" ${capture_option[@]+"${capture_option[@]}"}; }

step_capture_vmalloc() { capture "$vmalloc"; }
# The frame is looked for in a buffer that the device never got.
break_capture_vmalloc() { capture_option=(--mislaid); }

step_capture_contiguous() { capture "$contiguous"; }
# It gets buffers that were allocated for the other device.
break_capture_contiguous() { capture_option=(--for "$vmalloc"); }

step_kernel_agrees() { as camera heapq-guest refused "$contiguous" --for "$vmalloc"; }
# The kernel has no objection there.
break_kernel_agrees() { contiguous=$vmalloc; }
