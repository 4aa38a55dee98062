# shellcheck shell=bash
# Devices that come and go. Sourced by scenario.sh.

module=/modules/vivid.ko
loads=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^heapq.loads=//p' | tail -n 1)

heap_kib() { sed -n '/\[heap\]$/,/^Anonymous:/s/^Anonymous: *\([0-9]*\) kB/\1/p' "/proc/$(cat "$daemon_pid")/smaps"; }

# The C library keeps some of what each thread freed, and that grows for hundreds of loads. Without it, and
# with everything in one place, what grows is in use: half a KiB that is kept at each of 200 loads is too much.
step_hotplug() {
	local files heap now
	GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0:glibc.malloc.mmap_max=0 restart_daemon
	# What is kept from the first loads on, is kept once.
	heapq-guest hotplug "$module" 4 --alone >&3
	heapq-guest hotplug "$module" 12 >&3
	files=$(descriptors) heap=$(heap_kib)
	heapq-guest hotplug "$module" "$loads" >&3
	(within 60 as_before "$files") || fail "$files descriptors before, and now: $(cat /tmp/open)"
	now=$(heap_kib)
	echo "heapqd has $heap KiB in use before, $now KiB after" >&3
	[ "$now" -le $((heap + 64)) ] || fail "$heap KiB before, $now now"
}

# Nobody tells the daemon.
break_hotplug() {
	udevadm control --exit
	loads=1
}

storm() { # COUNT: events of a class that the daemon listens to
	for ((event = 0; event < $1; event++)); do echo change; done >/sys/class/misc/udmabuf/uevent
}

knows_no_camera() { exits 7 as camera heapq --daemon plan driver:vivid:capture --size 4M >/tmp/unknown 2>&1; }

# The daemon hears nothing while it rains, and most does not fit into its socket, the camera's end among
# it. udevd is away: it would need minutes for so much.
step_storm() {
	local pid
	udevadm control --exit
	rm -f /run/udev/control
	restart_daemon
	pid=$(cat "$daemon_pid")
	kill -STOP "$pid"
	within 10 grep -q '^State:.T' "/proc/$pid/status"
	storm 5000
	rmmod vivid
	storm 5000
	kill -CONT "$pid"
	within 30 knows_no_camera
	grep -q 'events of the machine were lost' "$daemon_log" || fail "nothing was lost: $(cat "$daemon_log")"
	as camera heapq-guest ask system 4096 1
	/usr/lib/systemd/systemd-udevd --daemon
	restart_daemon
}

# A drizzle.
break_storm() { storm() { :; }; }
