# shellcheck shell=bash
# Buffers that four processes share. Sourced by scenario.sh.

card() { # DRIVER: the node of its display
	local file
	for file in /sys/class/drm/card*/device; do
		case $(readlink -f "$file") in */"$1") ;; *) continue ;; esac
		file=${file%/device}
		echo "/dev/dri/${file##*/}"
	done
}

display=$(card vkms)

together_option=()
together() { as camera heapq-guest "$@" ${together_option[@]+"${together_option[@]}"}; }

step_collection() {
	# The checksum of what is on the screen is for whoever may look into debugfs.
	chmod a+x /sys/kernel/debug
	together film "$contiguous" "$display"
}

# All look at a buffer that the camera never got.
break_collection() { together_option=(--mislaid); }

step_collection_pages() { together many "$contiguous" "$display"; }

# The administrator says that it is too many.
break_collection_pages() {
	mkdir -p /etc/heapq/policy.d
	printf '[[limit]]\nusers = ["camera"]\nbuffers = 16\n' >/etc/heapq/policy.d/90-few.toml
	restart_daemon
}

step_collection_moves() { together migrate "$vmalloc" "$contiguous" "$display"; }

# The second camera can use what is there.
break_collection_moves() { break_plan_contiguous; }

step_creator_killed() {
	local before
	before=$(held_buffers)
	together orphaned "$contiguous" "$display"
	within 30 no_more_than "$before"
}

break_creator_killed() { together_option=(--spared); }
