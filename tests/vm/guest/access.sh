# shellcheck shell=bash
# Who gets memory. Sourced by scenario.sh.

step_node_closed() {
	exits 1 as camera heapq-guest take system 4096 2>/tmp/refusal
	grep -q 'Permission denied' /tmp/refusal || fail "$(cat /tmp/refusal)"
}

break_node_closed() { chmod 666 /dev/dma_heap/system; }

step_grant() { as camera heapq-guest ask system 4096 1; }

# The shipped policy grants it to the group, which he leaves.
break_grant() { sed -i 's/^\(heapq:.*:\)camera$/\1/' /etc/group; }

step_no_grant() {
	exits 4 as stranger heapq-guest ask system 4096 1 2>/tmp/refusal
	grep -q 'stranger.*no polkit' /tmp/refusal || fail "he or what is missing is not named: $(cat /tmp/refusal)"
}

break_no_grant() { sed -i 's/^\(heapq:.*:camera\)$/\1,stranger/' /etc/group; }
