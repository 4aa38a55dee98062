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

# The daemon is killed while a client has buffers, and systemd or the client's call starts it again.
step_restarted() {
	local client
	setpriv --reuid camera --regid camera --init-groups -- heapq-guest survive system 65536 12 >/tmp/survives &
	client=$!
	within 60 grep -q '12 buffers' /tmp/survives
	systemctl kill --signal="$signal" heapq
	within 60 grep -q 'counted again' /tmp/survives
	as camera heapq usage | grep '^leased .* system  *12/12 '
	kill "$client"
}

# It is only told to read its files again.
break_restarted() { signal=HUP; }

rules=/etc/polkit-1/rules.d/10-stranger.rules

served() { as stranger heapq-guest ask system 4096 1 2>/tmp/refusal; }

not_served() { ! served; }

# Debian's polkitd, which the bus starts when it is asked.
step_polkit() {
	exits 4 as stranger heapq-guest ask system 4096 1
	mkdir -p "${rules%/*}"
	cat >"$rules" <<-'RULE'
		polkit.addRule(function(action, subject) {
			if (action.id == "org.heapq.allocate" && subject.user == "stranger") return polkit.Result.YES;
		});
	RULE
	chmod -R a+rX "${rules%/*}"
	(within 60 served) || fail "$(cat /tmp/refusal)"
	rm "$rules"
	within 60 not_served
}

# An action that polkit does not know is nobody's.
break_polkit() {
	rm /usr/share/polkit-1/actions/org.heapq.policy
	systemctl try-restart polkit
}

refused=43d218198930450c859048ab3db84040

journal_tells() { # SINCE
	journalctl -o json --since="$1" "MESSAGE_ID=$refused" | grep '"HEAPQ_UID":"1001"' | grep '"_SYSTEMD_UNIT":"heapq.service"'
}

step_journal() {
	local since
	# Other steps are refused too.
	sleep 1
	since=@$(date +%s)
	exits 4 as stranger heapq-guest ask system 4096 1
	within 60 journal_tells "$since"
	journalctl --update-catalog
	journalctl -x --since="$since" "MESSAGE_ID=$refused" | grep 'Subject: A client was refused memory'
}

# Then it writes lines, which have no fields.
break_journal() {
	sed -i 's/^\[Service\]/[Service]\nStandardError=null/' "$unit_file"
	systemctl daemon-reload
	systemctl restart heapq
}

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
