#!/bin/bash
# Builds heapq for arm64 with Debian's cross compiler and Rust, in a root made of packages: prints the
# directory of the programs.
#
# usage: build.sh TARGET-DIR
#
# The crates are those of this machine's cargo; in there nothing is downloaded.
# Exit status 77: cannot be had here; the reason is on stderr.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../../.." && pwd)
mkdir -p "$1"
target=$(realpath "$1")

(cd "$source" && cargo fetch --quiet --locked) >&2
root=$("$here/../packages.sh" arm64-toolchain)

# Most of a program is debugging information, and this machine's `strip` knows no other architecture.
"$here/../enter.sh" "$root" "$source:/heapq" "${CARGO_HOME:-$HOME/.cargo}:/cargo" "$target:/target" -- \
	CARGO_HOME=/cargo CARGO_TARGET_DIR=/target \
	CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=symbols \
	CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=gcc \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig \
	cargo build --manifest-path /heapq/Cargo.toml --quiet --locked --offline \
	--target aarch64-unknown-linux-gnu --package heapq-dbus --package heapq-tests --bins >&2
echo "$target/aarch64-unknown-linux-gnu/debug"
