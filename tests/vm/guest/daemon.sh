# shellcheck shell=bash
# The bus and the daemon. Sourced by scenario.sh.

daemon_log=/tmp/heapqd.log
daemon_pid=/run/heapqd.pid

unit() { # KEY: its value in the installed unit
	sed -n "s/^$1=//p" /usr/lib/systemd/system/heapq.service
}

# As the unit says, as far as it can be had without systemd.
start_daemon() {
	local command
	read -ra command < <(unit ExecStart)
	setpriv --reuid "$(unit User)" --regid "$(unit Group)" \
		--groups "$(unit SupplementaryGroups | tr ' ' ,)" --bounding-set=-all --no-new-privs -- \
		"${command[@]}" >"$daemon_log" 2>&1 </dev/null &
	echo $! >"$daemon_pid"
	within 120 serves_or_gone
	serves || fail "heapqd says: $(cat "$daemon_log")"
}

serves() { heapq-guest owner >/dev/null; }
serves_or_gone() { serves 2>/dev/null || gone "$(cat "$daemon_pid")"; }

restart_daemon() {
	local pid
	pid=$(cat "$daemon_pid")
	kill "$pid"
	within 60 gone "$pid"
	start_daemon
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# As the bus sees it, and as the kernel does.
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
