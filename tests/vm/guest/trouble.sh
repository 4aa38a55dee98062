# shellcheck shell=bash
# What must not bring the daemon down, nor use it up. Sourced by scenario.sh.

hide() { mv /dev/dma_heap/system /dev/hidden-heap; }
unhide() { mv /dev/hidden-heap /dev/dma_heap/system; }

step_heap_vanished() {
	hide
	exits 1 as camera heapq-guest ask system 4096 1 2>/tmp/refusal
	grep -q system /tmp/refusal || fail "$(cat /tmp/refusal)"
	unhide
	as camera heapq-guest ask system 4096 1
}

# It stays where it is.
break_heap_vanished() {
	hide() { :; }
	unhide() { :; }
}

policy='[[device]]
match = { driver = "uvcvideo" }
contigous = true'

step_broken_policy() {
	mkdir -p /etc/heapq/policy.d
	echo "$policy" >/etc/heapq/policy.d/95-broken.toml
	restart_daemon
	grep -q '95-broken.toml' "$daemon_log" || fail "the file is not named: $(cat "$daemon_log")"
	as camera heapq-guest ask system 4096 1
}

# Nothing is wrong with it.
break_broken_policy() { policy=${policy/contigous/contiguous}; }

descriptors() { find "/proc/$(cat "$daemon_pid")/fd" -type l | wc -l; }

meanwhile() { :; }

as_before() {
	[ "$(descriptors)" -le "$1" ] && return
	# The last time, that is what the step says.
	find "/proc/$(cat "$daemon_pid")/fd" -type l -printf '%p %l\n' >/tmp/open
	false
}

step_descriptors() {
	local before
	as camera heapq-guest ask system 4096 20
	# What that one left is looked for at once, and soon found gone.
	sleep 1
	before=$(descriptors)
	meanwhile
	for _ in 1 2 3; do
		as camera heapq-guest ask system 4096 20
		exits 4 as stranger heapq-guest ask system 4096 1
		exits 5 as camera heapq-guest ask system "$((1 << 40))" 1
	done
	step_client_killed
	(within 60 as_before "$before") || fail "$before before, and now: $(cat /tmp/open)"
}

# Somebody keeps more buffers than a message carries.
break_descriptors() {
	meanwhile() {
		setpriv --reuid camera --regid camera --init-groups -- heapq-guest hold system 4096 20 >/tmp/kept &
		within 60 grep -q '20 buffers' /tmp/kept
	}
}
