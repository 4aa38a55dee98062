#!/bin/bash
# Checks the files that other programs read: XML, and the unit and the catalogue of messages where
# systemd's own tools are here.
set -euo pipefail

cd "$(dirname "$0")/../../dbus/data"

python3 - *.xml *.conf *.policy <<'CHECK'
import sys, xml.dom.minidom
for file in sys.argv[1:]:
    if not file.endswith(".sysusers.conf"):
        xml.dom.minidom.parse(file)
CHECK

if ! command -v systemd-analyze >/dev/null; then
	echo "heapq.service: NOT CHECKED, there is no systemd-analyze here"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What it starts and documents need not be installed here; systemd before 253 knows no notify-reload.
sed 's|^ExecStart=.*|ExecStart=/bin/true|; /^Documentation=/d; s/^Type=notify-reload/Type=notify/' \
	heapq.service >"$work/heapq.service"
# Tenths: 12 is 1.2, as the best of comparable services.
systemd-analyze security --offline=true --threshold=12 "$work/heapq.service" >"$work/security" || {
	tail -1 "$work/security"
	exit 1
}
said=$(systemd-analyze verify --man=no "$work/heapq.service" 2>&1) || true
if [ -n "$said" ]; then
	echo "$said"
	exit 1
fi

mkdir -p "$work/root/usr/lib/systemd/catalog" "$work/root/var/lib/systemd/catalog"
cp heapq.catalog "$work/root/usr/lib/systemd/catalog/"
said=$(journalctl --quiet --root="$work/root" --update-catalog 2>&1) || said="$said (refused)"
listed=$(journalctl --quiet --root="$work/root" --list-catalog | wc -l)
if [ -n "$said" ] || [ "$listed" != "$(grep -c '^-- ' heapq.catalog)" ]; then
	echo "heapq.catalog: $said; $listed entries are taken"
	exit 1
fi
