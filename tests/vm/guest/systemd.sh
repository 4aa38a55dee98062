# shellcheck shell=bash
# The unit as systemd runs it. Sourced by scenario.sh.

unit_file=/usr/lib/systemd/system/heapq.service

# without KEY...: takes these keys out of the installed unit.
without() {
	local key
	for key in "$@"; do sed -i "/^$key=/d" "$unit_file"; done
	systemctl daemon-reload
}

# inside COMMAND: in a shell under all that the unit says but its program.
inside() {
	{
		sed -E '/^(Type|BusName|ExecStart|WatchdogSec|Restart|Alias|WantedBy)=/d; /^\[Install\]/d' "$unit_file"
		printf '[Service]\nType=oneshot\nExecStart=/bin/bash -c "%s"\n' "$1"
	} >/run/systemd/system/inside.service
	systemctl daemon-reload
	systemctl start inside.service
}

refused_inside() { # COMMAND WHAT
	# It is the unit that refuses: the same user may.
	as heapq bash -c "$1" || fail "user heapq cannot $2 anyway"
	! inside "$1" || fail "the unit lets it $2"
}

step_activated() {
	udevadm settle --timeout=120
	! systemctl is-active heapq || fail 'it runs already'
	as camera heapq-guest ask system 4096 20
	systemctl is-active heapq
	inside true
}

# The bus does not know what to start.
break_activated() {
	rm /usr/share/dbus-1/system-services/org.heapq.*
	systemctl reload dbus
}

step_reload() {
	local pid
	pid=$(systemctl show -P MainPID heapq)
	systemctl reload heapq
	[ "$(systemctl show -P MainPID heapq)" = "$pid" ] || fail 'it was started anew'
	as camera heapq-guest ask system 4096 1
}

break_reload() { systemctl stop heapq; }

# As the kernel sees it.
step_no_rights() {
	local status
	status=/proc/$(systemctl show -P MainPID heapq)/status
	grep -q '^CapBnd:	0*$' "$status" || fail "$(grep ^Cap "$status")"
	grep -q '^CapEff:	0*$' "$status" || fail "$(grep ^Cap "$status")"
	grep -q '^NoNewPrivs:	1$' "$status" || fail "$(grep ^NoNew "$status")"
	grep -q '^Seccomp:	2$' "$status" || fail "$(grep ^Seccomp "$status")"
}

break_no_rights() {
	without CapabilityBoundingSet
	systemctl restart heapq
}

step_system_calls() { refused_inside 'taskset 1 true' 'choose its processors'; }

break_system_calls() { without SystemCallFilter; }

# A node that everybody may open.
step_devices() {
	[ -e /dev/for-all ] || mknod -m 666 /dev/for-all c 4 64
	refused_inside ': </dev/for-all' 'open a device that is no heap'
	inside ': </dev/dma_heap/system'
}

break_devices() { without DevicePolicy DeviceAllow; }

step_read_only() {
	mkdir -p -m 777 /var/for-all
	refused_inside 'touch /var/for-all/file' 'write a file'
}

break_read_only() { without ProtectSystem; }
