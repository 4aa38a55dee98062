#!/bin/bash
# Prints which `compatible` strings the media and display drivers of a kernel tree take, and where.
#
# One line each: the string, a tab, the files whose device tables have it.  Usage: of-tables.sh KERNEL
set -eu
cd "$1"
grep -rHoE --include='*.c' '\.compatible[[:space:]]*=[[:space:]]*"[^"]+"' \
	drivers/accel drivers/gpu/drm drivers/gpu/host1x drivers/gpu/ipu-v3 drivers/media drivers/staging/media |
	sed -E 's/^([^:]+):.*"([^"]+)"$/\2\t\1/' | LC_ALL=C sort -u |
	awk -F '\t' '{
		if ($1 == last) { files = files ";" $2; next }
		if (NR > 1) print last "\t" files
		last = $1; files = $2
	} END { print last "\t" files }'
