#!/bin/bash
# Runs a program in a root that is made of Debian's packages (packages.sh), which need not be this machine's
# release. To change the root takes root, or a kernel where users may have namespaces.
#
# usage: enter.sh ROOT [HERE:THERE]... -- [VARIABLE=VALUE]... PROGRAM [ARGUMENT]...
#
# HERE, a directory, is seen as THERE in ROOT. Exit status 77: this machine does not allow it.
set -euo pipefail

root=$1
shift
as_root=(unshare --mount)
[ "$(id -u)" = 0 ] || as_root=(unshare --user --map-root-user --mount)
if ! "${as_root[@]}" true; then
	echo "heapq: the root directory cannot be changed here: run as root, or allow user namespaces" >&2
	exit 77
fi

binds=(/dev:/dev /proc:/proc)
while [ "$1" != -- ]; do
	binds+=("$1")
	shift
done
shift
for bind in "${binds[@]}"; do mkdir -p "$root${bind#*:}"; done

variables=(PATH=/usr/bin:/usr/sbin LC_ALL=C.UTF-8)
while [[ $1 == *=* ]]; do
	variables+=("$1")
	shift
done

# shellcheck disable=SC2016 # the shell in the namespace expands it
exec "${as_root[@]}" bash -c '
	set -e
	root=$1
	shift
	while [ "$1" != -- ]; do
		mount --rbind "${1%%:*}" "$root${1#*:}"
		shift
	done
	shift
	exec "$@"
' enter "$root" "${binds[@]}" -- env --ignore-environment "${variables[@]}" chroot "$root" "$@"
