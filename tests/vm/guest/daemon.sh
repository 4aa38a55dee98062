# shellcheck shell=bash
# The bus and the daemon. Sourced by scenario.sh.

daemon_log=/tmp/heapqd.log
daemon_pid=/run/heapqd.pid

start_daemon() {
	setpriv --reuid heapq --regid heapq --clear-groups -- /usr/libexec/heapqd >"$daemon_log" 2>&1 </dev/null &
	echo $! >"$daemon_pid"
	heapq-guest wait || fail "heapqd says: $(cat "$daemon_log")"
}

restart_daemon() {
	local pid
	pid=$(cat "$daemon_pid")
	kill "$pid"
	within 10 gone "$pid"
	start_daemon
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# Both files of /proc, as the bus and as the kernel see it.
step_daemon() {
	local uid pid user
	user=$(id -u heapq)
	mkdir -p /run/dbus
	dbus-daemon --system
	start_daemon
	read -r uid pid < <(heapq-guest owner)
	[ "$uid" = "$user" ] || fail "the name belongs to uid $uid"
	[ "$pid" = "$(cat "$daemon_pid")" ] || fail "the name belongs to process $pid"
	grep -q "^Uid:	$user	$user	$user	$user" "/proc/$pid/status" || fail "$(grep ^Uid "/proc/$pid/status")"
	grep -q '^CapEff:	0*$' "/proc/$pid/status" || fail "$(grep ^Cap "/proc/$pid/status")"
}

# Without its policy the bus lets nobody own the name.
break_daemon() { rm /usr/share/dbus-1/system.d/org.heapq.*; }
