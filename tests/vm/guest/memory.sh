# shellcheck shell=bash
# What the daemon does not even try. Sourced by scenario.sh.

absurd=$((1 << 40))

step_absurd() {
	exits 5 as camera heapq-guest ask system "$absurd" 1
	as camera heapq-guest ask system 4096 1
	nobody_killed
}

break_absurd() { absurd=4096; }

meminfo() { # KEY: in KiB
	sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo
}

# With most of the memory in the contiguous area, 600 MiB count as available and `system` cannot have
# them: the kernel would find out by killing. Without such an area, only more than there is will do.
too_much() { # in bytes
	case $kernel in
	cma) echo $((600 << 20)) ;;
	*) echo $(($(meminfo MemTotal) << 10)) ;;
	esac
}

nobody_killed() {
	! dmesg | grep -iE 'out of memory|oom-kill|invoked oom-killer' || fail "the OOM killer was here"
	kill -0 "$(cat "$daemon_pid")" "$(cat /run/dbus/pid)" || fail "a process is gone"
}

step_overcommit() {
	local bytes
	bytes=$(too_much)
	if [ "$kernel" = cma ]; then
		[ $(($(meminfo MemAvailable) << 10)) -gt "$bytes" ] || fail "the question is too easy: $(meminfo MemAvailable) KiB"
	fi
	exits 5 as camera heapq-guest ask system "$bytes" 1
	nobody_killed
}

# The same without asking the daemon; the first that the kernel kills is the culprit.
break_overcommit() {
	(
		echo 1000 >/proc/self/oom_score_adj
		exec heapq-guest take system "$(too_much)"
	)
	true
}

held_buffers() { # how many dma-bufs there are
	sed -n 's/^Total \([0-9]*\) objects.*/\1/p' /sys/kernel/debug/dma_buf/bufinfo
}

no_more_than() { [ "$(held_buffers)" -le "$1" ]; }

signal=KILL

# 20 buffers: some are with the client only, some with the daemon for the client's next message.
step_client_killed() {
	local before client
	before=$(held_buffers)
	setpriv --reuid camera --regid camera --init-groups -- heapq-guest hold system 65536 20 >/tmp/held &
	client=$!
	within 60 grep -q '20 buffers' /tmp/held
	[ "$(held_buffers)" -ge $((before + 20)) ] || fail "held: $(held_buffers), before: $before"
	kill -"$signal" "$client"
	within 30 no_more_than "$before"
}

# He is only looked at.
break_client_killed() { signal=0; }

usage_says() { as camera heapq usage >/tmp/usage && grep -q "$1" /tmp/usage; }

# The process that keeps one of the two buffers never spoke to the daemon.
step_passed_on() {
	local keeper
	keeper=$(as camera heapq-guest pass system 65536 2)
	(within 30 usage_says "orphaned .* 1/2 .*($keeper)") || fail "$(cat /tmp/usage)"
	kill -"$signal" "$keeper"
	(within 60 usage_says "^nothing") || fail "$(cat /tmp/usage)"
}

# He is only looked at.
break_passed_on() { signal=0; }
