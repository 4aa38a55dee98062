# shellcheck shell=bash
# The guest's devices, and words that all steps use. Sourced by scenario.sh.

# node_of NAME: the node of the V4L2 device of that name.
node_of() {
	local file
	for file in /sys/class/video4linux/*/name; do
		[ -e "$file" ] && [ "$(cat "$file")" = "$1" ] || continue
		file=${file%/name}
		echo "/dev/${file##*/}"
	done
}

# The kernel's command line makes vivid's first instance import by contiguous DMA and the second
# through a mapping of the CPU's; nothing else tells them apart.
contiguous=$(node_of vivid-000-vid-cap)
vmalloc=$(node_of vivid-001-vid-cap)

as() { # USER COMMAND...: with exactly that user's rights and groups
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups -- "$@"
}

# exits STATUS COMMAND...: it must end with that status. Its output is ours.
exits() {
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: $*"
}

# Also where the output of the step is going elsewhere.
fail() {
	echo "$*" >>/tmp/said
	exit 1
}

# within SECONDS COMMAND...: it must succeed before they are over.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "not in time: $*"
		sleep 0.2
	done
}

step_nodes() {
	local node
	/usr/lib/systemd/systemd-udevd --daemon
	udevadm trigger --action=add
	udevadm settle --timeout=120
	for node in /dev/dma_heap/*; do
		[ "$(stat -c %U:%a "$node")" = heapq:600 ] || fail "$(ls -l "$node")"
	done
}

break_nodes() { rm /usr/lib/udev/rules.d/*heapq*; }
