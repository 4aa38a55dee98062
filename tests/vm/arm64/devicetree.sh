#!/bin/bash
# Writes the devicetree of the arm64 guest: the one that this QEMU makes for its machine, and board.dtsi.
#
# usage: devicetree.sh OUT
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/machine.sh"
own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT

"${arm64_machine[@]}" -machine "dumpdtb=$own/virt.dtb" -display none >/dev/null 2>&1
dtc -q -I dtb -O dts -o "$own/virt.dts" "$own/virt.dtb"
# Sources of one tree add up.
cat "$own/virt.dts" "$here/board.dtsi" | dtc -q -I dts -O dtb -o "$1"
