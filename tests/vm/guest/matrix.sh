# shellcheck shell=bash
# What heapq answers for each importer, heap and size of this machine, and what the kernel does with such
# a buffer. Sourced by scenario.sh.

# Each refusal of the kernel's is a message of its own.
quiet() { dmesg --console-level 1 2>/dev/null || dmesg -n 1; }

step_matrix() {
	quiet
	[ ! -e /proc/sys/vm/nr_hugepages ] || set_huge_pages_aside
	heapq-guest matrix "$machine" >/tmp/cells
}

# Two frames of three planes, and some to spare: of those that a device could not map, Linux 7.3 loses one each.
set_huge_pages_aside() {
	echo 16 >/proc/sys/vm/nr_hugepages
	kill -HUP "$(cat "$daemon_pid")"
	within 30 heapq_sees udmabuf-2M
}

heapq_sees() { heapq --daemon heaps | grep -q "^$1 "; }

# The administrator says that vivid's devices take any memory.
break_matrix() {
	mkdir -p /etc/heapq/policy.d
	printf '[[device]]\nmatch = { driver = "vivid" }\noverride = ["contiguous", "address-bits"]\n' \
		>/etc/heapq/policy.d/90-wrong.toml
	restart_daemon
}

prove_option=()

step_matrix_proofs() {
	local status=0
	heapq-guest prove ${prove_option[@]+"${prove_option[@]}"} </tmp/cells >/tmp/proven || status=$?
	sed -n '/^left out /p' /tmp/cells >&3
	sed -n '/^cell /p' /tmp/proven >&3
	return "$status"
}

# Nothing is tried again, and nobody looks at the bounce buffer.
break_matrix_proofs() { prove_option=(--idle); }
