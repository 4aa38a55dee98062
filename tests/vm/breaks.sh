#!/bin/bash
# Breaks every step on every kernel in turn. A step that still holds when what it shows is broken
# shows nothing: the run must fail, at that step, with all before it unharmed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
logs=${CARGO_TARGET_DIR:-$(cd "$here/../.." && pwd)/target}/vm

# judge STEP KERNEL STATUS OUTPUT-FILE
judge() {
	local expected actual
	expected=$(awk -v step="$1" -v kernel="$2" '
		/^#/ || index("," $2 ",", "," kernel ",") == 0 { next }
		$1 == step { print "FAILED " $1; exit }
		{ print "ok " $1 }' "$here/steps")
	actual=$(sed -nE 's/^(ok|FAILED) ([^:]*):.*/\1 \2/p' "$4")
	[ "$3" = 1 ] && [ "$actual" = "$expected" ]
}

failed=0 last=
while read -r name image initrd words; do
	kernel=${name%%:*} machine=${name#*:}
	# One machine of the matrix stands for all.
	[ "$kernel" != "$last" ] || continue
	last=$kernel
	while read -r step kernels _; do
		case $step in '' | '#') continue ;; esac
		case ",$kernels," in *",$kernel,"*) ;; *) continue ;; esac
		begun=$SECONDS status=0
		# shellcheck disable=SC2086 # words are words
		"$here/boot.sh" "$image" "$initrd" "$logs/broken.log" \
			"heapq.kernel=$kernel" "heapq.machine=$machine" "heapq.break=$step" $words >"$logs/broken.out" 2>&1 </dev/null || status=$?
		if judge "$step" "$kernel" "$status" "$logs/broken.out"; then
			echo "ok $name $step fails when it is broken ($((SECONDS - begun)) s)"
		else
			echo "FAILED $name $step: broken, the run ended with $status:"
			sed 's/^/    /' "$logs/broken.out"
			failed=1
		fi
	done <"$here/steps"
done <<<"$("$here/prepare.sh" cma stock links systemd matrix)"
echo "== $SECONDS s"
exit "$failed"
