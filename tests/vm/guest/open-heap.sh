# shellcheck shell=bash
# A heap itself, for a client whose control group pays. Sourced by scenario.sh.

limit=64M

in_group() { # COMMAND...: in a control group with that limit
	echo "$BASHPID" >/sys/fs/cgroup/limited/cgroup.procs
	"$@"
}

step_open_heap() {
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p /sys/fs/cgroup/limited /etc/heapq/policy.d
	echo "$limit" >/sys/fs/cgroup/limited/memory.max
	exits 4 as camera heapq-guest open-heap 16777216
	printf '[[grant]]\nusers = ["camera"]\nopen-heap = true\n' >/etc/heapq/policy.d/80-open.toml
	restart_daemon
	exits 4 as camera heapq-guest open-heap 16777216 2>/tmp/refusal
	grep -q 'memory.max' /tmp/refusal || fail "what is missing is not named: $(cat /tmp/refusal)"
	(in_group as camera heapq-guest open-heap 16777216)
	nobody_killed
}

# The group may have all there is.
break_open_heap() { limit=max; }
