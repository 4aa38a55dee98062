# shellcheck shell=bash
# Frames that go from a camera to a screen in one buffer, and stay. Sourced by scenario.sh.

# vivid's third instance: contiguous, and with a buffer for each plane.
planes=$(node_of vivid-002-vid-cap)

shown_option=()
shown() { as camera heapq-guest "$1" "$2" "$display" ${shown_option[@]+"${shown_option[@]}"}; }

step_camera_to_screen() { shown shown "$contiguous"; }
# The screen gets another frame than the one that is looked at.
break_camera_to_screen() { shown_option=(--mislaid); }

step_planes_to_screen() { shown shown-apart "$planes"; }
break_planes_to_screen() { shown_option=(--mislaid); }

# The client has left, and the daemon is killed before anybody looks.
step_frame_outlives() {
	local sum
	rm -f /tmp/look /tmp/seen
	mkfifo -m 666 /tmp/look
	sum=$(as camera heapq-guest leave "$contiguous" /tmp/look /tmp/seen ${shown_option[@]+"${shown_option[@]}"})
	kill -KILL "$(cat "$daemon_pid")"
	within 60 gone "$(cat "$daemon_pid")"
	echo now >/tmp/look
	within 60 test -s /tmp/seen
	[ "$(cat /tmp/seen)" = "$sum" ] || fail "$(cat /tmp/seen) is seen, not $sum"
	start_daemon
}

# The other process gets another frame.
break_frame_outlives() { shown_option=(--mislaid); }
