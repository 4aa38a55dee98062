#!/bin/bash
# Drives the readers of foreign input with libFuzzer.
#
# usage: fuzz.sh DIR SECONDS [TARGET...]      all targets where none is named
#
# Works with a stable compiler: coverage is LLVM's own, and no sanitizer is needed where no code is
# unsafe. What is learnt stays in DIR/corpus; an input that fails is kept in DIR/findings and named,
# until it fails no more.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p "$1"
dir=$(realpath "$1") seconds=$2
shift 2
[ $# -gt 0 ] || set -- policy devicetree snapshot sysfs case wire

host=$(rustc -vV | sed -n 's/^host: //p')
# Debug assertions stay on: the independent checker is one of them.
flags=(-Cpasses=sancov-module -Cdebug-assertions=yes)
for flag in level=4 inline-8bit-counters pc-table trace-compares; do
	flags+=("-Cllvm-args=-sanitizer-coverage-$flag")
done
# What is built is instrumented, what builds it is not: hence the explicit target.
RUSTFLAGS=${flags[*]} CARGO_TARGET_DIR=$dir/build CARGO_PROFILE_RELEASE_LTO=off \
	cargo build --release --locked --target "$host" --package heapq-tests --features fuzz --bin heapq-fuzz

fuzz() {
	HEAPQ_FUZZ=$target HEAPQ_FUZZ_SEEDS=$dir/corpus/$target "$dir/build/$host/release/heapq-fuzz" "$@"
}

failed=
for target; do
	mkdir -p "$dir/corpus/$target" "$dir/findings/$target"
	echo "== $target: $seconds s"
	for known in "$dir/findings/$target"/*; do
		if [ -e "$known" ] && fuzz "$known" > "$dir/known.log" 2>&1; then
			rm "$known"
		fi
	done
	fuzz "$dir/corpus/$target" -artifact_prefix="$dir/findings/$target/" -max_total_time="$seconds" \
		-timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -verbosity=0 2>&1 |
		grep -E '^(stat::|==|SUMMARY|thread|ALARM)|panicked|assertion' || true
	if [ -n "$(ls -A "$dir/findings/$target")" ]; then
		failed="$failed $target"
		echo "findings in $dir/findings/$target"
	fi
done
if [ -n "$failed" ]; then
	echo "found something:$failed" >&2
	exit 1
fi
