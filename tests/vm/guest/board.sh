# shellcheck shell=bash
# What the devicetree of tests/vm/arm64 adds, and what the kernel makes of it. Sourced by scenario.sh.

# codec ADDRESS: the node of the encoder there.
codec() {
	local file
	for file in /sys/bus/platform/devices/"$1".codec/video4linux/video*/name; do
		[ -e "$file" ] && [[ $(cat "$file") = *-enc ]] || continue
		file=${file%/name}
		echo "/dev/${file##*/}"
	done
}

plain=$(codec 5a001000)
behind_iommu=$(codec 5a003000)
short_reach=$(codec 5a091000)

usable_heaps() { heapq --daemon heaps | awk '$2 == "usable" { print $1 }' | xargs; }

# inside_its_bounds POOL: the kernel has put it somewhere between the addresses that heapq says.
inside_its_bounds() {
	local area=/sys/kernel/debug/cma/$1 first end lies
	first=$(($(cat "$area/base_pfn") << 12))
	end=$((first + ($(cat "$area/count") << 12)))
	lies=$(heapq --daemon heaps | sed -nE "s/^$1 .* (0x[0-9a-f]*)-(0x[0-9a-f]*) .*/\1 \2/p")
	[ "$first" -ge $((${lies% *})) ] && [ "$end" -le $((${lies#* })) ] || fail "$1 is at $first to $end, not $lies"
}

pools=(side-pool camera-pool@50000000 pool@54000000 pool@62000000)

step_pools() {
	local heaps pool
	heaps=$(usable_heaps)
	[ "$heaps" = 'camera-pool@50000000 default_cma_region pool@54000000 pool@62000000 side-pool system udmabuf' ] ||
		fail "$heaps"
	heapq --daemon heaps | grep -q '^default_cma_region .* linux,cma$' || fail "$(heapq --daemon heaps)"
	for pool in "${pools[@]}"; do inside_its_bounds "$pool"; done
}

break_pools() {
	rm /dev/dma_heap/side-pool
	restart_daemon
}

kernel_refuses() { # NODE HEAP HOW
	exits 1 heapq-guest offer "$1" --from "$2" 2>/tmp/refusal
	grep -q "QBUF: $3" /tmp/refusal || fail "$(cat /tmp/refusal)"
}

# serves_from NODE HEAP: heapq chooses that heap, and the kernel takes what comes from there.
serves_from() {
	local heap
	heap=$(heap_for "$1")
	[ "$heap" = "$2" ] || fail "$1: $heap"
	as camera heapq-guest offer "$1" >/tmp/offer
	grep -q "takes .* from $2\$" /tmp/offer || fail "$(cat /tmp/offer)"
}

knows() { heapq devices "$1" | grep -Eq "^ +$2( |\$)" || fail "$(heapq devices "$1")"; }

step_codec_plain() {
	knows "$plain" 'iommu +none'
	serves_from "$plain" default_cma_region
	kernel_refuses "$plain" system 'Bad address'
}

# The administrator says that it needs no contiguous memory.
break_codec_plain() {
	mkdir -p /etc/heapq/policy.d
	printf '[[device]]\nmatch = { driver = "hantro-vpu" }\noverride = ["contiguous"]\n' \
		>/etc/heapq/policy.d/90-wrong.toml
	restart_daemon
}

step_codec_translated() {
	knows "$behind_iommu" 'iommu +DMA'
	serves_from "$behind_iommu" system
}

# It is asked about another one.
break_codec_translated() { behind_iommu=$plain; }

step_codec_untranslated() {
	knows "$behind_iommu" 'iommu +identity'
	serves_from "$behind_iommu" default_cma_region
	kernel_refuses "$behind_iommu" system 'Bad address'
}

break_codec_untranslated() { break_codec_plain; }

# The default area is beyond what its bus reaches, and so is the pool that would be next.
step_codec_reach() {
	knows "$short_reach" 'needs +address-window = \[\[0x50000000, 0x58000000\]\] +devicetree /short-bus@5a090000/dma-ranges'
	serves_from "$short_reach" camera-pool@50000000
	kernel_refuses "$short_reach" default_cma_region 'Invalid argument'
	kernel_refuses "$short_reach" pool@62000000 'Invalid argument'
}

break_codec_reach() { short_reach=$plain; }
