#!/bin/bash
# Installs programs that are built already, and the data that goes with them.
#
# usage: install.sh BIN-DIR DESTDIR PREFIX [HEAPQ]
#
# HEAPQ is one that runs here, where those of BIN-DIR are of another architecture: schema and completions
# are what it prints.
#
# systemd, udev and the buses read their files below /usr and /etc; with another PREFIX it is up to
# whoever chose it to point them there.
set -euo pipefail

bin=$1 root=$2$3 prefix=$3 heapq=${4:-$1/heapq}
cd "$(dirname "$0")/../.."

if [ ! -x "$bin/heapqd" ] || [ ! -x "$bin/heapq" ]; then
	echo "heapq: not built yet; make build" >&2
	exit 1
fi

file() { # SOURCE DESTINATION : below PREFIX
	install -D -m 644 "$1" "$root/$2"
}

install -D -m 755 -t "$root/bin" "$bin/heapqd" "$bin/heapq"

data=dbus/data
file $data/heapq.service lib/systemd/system/heapq.service
sed -i "s|/usr/bin/heapqd|$prefix/bin/heapqd|" "$root/lib/systemd/system/heapq.service"
file $data/heapq.catalog lib/systemd/catalog/heapq.catalog
file $data/heapq.sysusers.conf lib/sysusers.d/heapq.conf
file $data/51-heapq.rules lib/udev/rules.d/51-heapq.rules
file $data/org.heapq.Allocator1.conf share/dbus-1/system.d/org.heapq.Allocator1.conf
file $data/org.heapq.Allocator1.service share/dbus-1/system-services/org.heapq.Allocator1.service
file $data/org.heapq.policy share/polkit-1/actions/org.heapq.policy
for interface in $data/*.xml; do
	file "$interface" "share/dbus-1/interfaces/${interface##*/}"
done
for policy in policies/shipped/*.toml; do
	file "$policy" "share/heapq/policy.d/${policy##*/}"
done
# Made from the tables of the program that is installed, so that the two agree.
"$heapq" policy schema >"$root/share/heapq/policy.schema.json"
chmod 644 "$root/share/heapq/policy.schema.json"
for page in docs/man/*; do
	file "$page" "share/man/man${page##*.}/${page##*/}"
done
completion() { # SHELL DESTINATION
	"$heapq" completions "$1" >"$root/$2"
}
install -d "$root/share/bash-completion/completions" "$root/share/zsh/site-functions" \
	"$root/share/fish/vendor_completions.d"
completion bash share/bash-completion/completions/heapq
completion zsh share/zsh/site-functions/_heapq
completion fish share/fish/vendor_completions.d/heapq.fish
for text in LICENSE-MIT LICENSE-APACHE; do
	file $text "share/doc/heapq/$text"
done
