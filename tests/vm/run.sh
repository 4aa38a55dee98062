#!/bin/bash
# Runs the scenario in those of the named guests that can be had here.
#
# usage: run.sh STEP GUEST...     with a STEP that is not empty, a word of `steps`: breaks what that step
#                                 shows, in the guests that have it; the run must then fail there
# Exit status: 0 if every step on every kernel held.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
break=$1
shift
target=${CARGO_TARGET_DIR:-$(cd "$here/../.." && pwd)/target}
logs=$target/vm part=

if [ -n "$break" ] && ! grep -q "^$break " "$here/steps"; then
	echo "no step $break; there are: $(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' "$here/steps" | tr '\n' ' ')" >&2
	exit 2
fi

wanted() { # GUEST... : a line for each machine that they are
	local guest
	for guest in "$@"; do
		if [ "$guest" = matrix ]; then grep '^[^#]' "$here/machines"; else echo "$guest"; fi
	done
}

prepared=$("$here/prepare.sh" "$@")
if [ -z "$prepared" ]; then
	echo "no kernel to run: HEAPQ_VM_KERNEL=FILE takes a ready one" >&2
	exit 1
fi

status=0 matrix=()
while read -r name image initrd words; do
	kernel=${name%%:*} machine=${name#*:}
	grep -Eq "^${break:-[a-z-]*} ([a-z,]*,)?$kernel(,[a-z,]*)? " "$here/steps" || continue
	echo "== ${name/:/ }: $image"
	begun=$SECONDS
	# shellcheck disable=SC2086 # words are words
	"$here/boot.sh" "$image" "$initrd" "$logs/$machine.log" \
		"heapq.kernel=$kernel" "heapq.machine=$machine" "heapq.break=$break" $words |
		tee "$logs/$machine.out" | sed -u "/^cell /d" || status=$?
	echo "== ${name/:/ }: $((SECONDS - begun)) s, its log is $logs/$machine.log"
	! grep -q '^cell ' "$logs/$machine.out" || matrix+=("$logs/$machine.out")
done <<<"$prepared"
if [ ${#matrix[@]} -gt 0 ] && [ -z "$break" ]; then
	[ "$(wc -l <<<"$prepared")" = "$(wanted "$@" | wc -l)" ] || part=--part
	"$target/debug/heapq-matrix" ${part:+"$part"} "${matrix[@]}" || status=$?
fi
exit "$status"
