#!/bin/bash
# Is this Rust new enough, and complete?   usage: rust.sh [COMPONENT...]   components: fmt clippy
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
need=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")

how="Install Rust from https://rustup.rs, or on Debian 13: apt-get install -t trixie-backports cargo rustc rustfmt rust-clippy"

fail() {
	printf 'heapq: %s\n       %s\n' "$1" "$how" >&2
	exit 1
}

for tool in cargo rustc; do
	command -v "$tool" >/dev/null || fail "$tool is missing; heapq needs Rust $need or newer"
	have=$("$tool" --version | awk '{ print $2 }')
	oldest=$(printf '%s\n%s\n' "$need" "${have%%-*}" | sort -V | head -n 1)
	[ "$oldest" = "$need" ] || fail "$tool is $have, but heapq needs $need or newer"
done
for component; do
	cargo "$component" --version >/dev/null 2>&1 || fail "cargo $component is missing"
done
