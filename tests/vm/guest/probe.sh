# shellcheck shell=bash
# What devices say of memory when they are asked, and what follows. Sourced by scenario.sh.

m2m=$(node_of vim2m)

# probed NODE SENTENCE: the probe finds this, agrees with the rules, and leaves the device as it was.
probed() {
	heapq --offline probe "$1" >/tmp/probe || fail "$(cat /tmp/probe)"
	grep -q "$2" /tmp/probe || fail "$(cat /tmp/probe)"
	! grep -qE '  (no|NO); ' /tmp/probe || fail "the rules say something else: $(cat /tmp/probe)"
	grep -q '^the device is as it was$' /tmp/probe || fail "$(cat /tmp/probe)"
}

step_probe() {
	probed "$contiguous" '^capture: contiguous memory is needed: '
	probed "$planes" '^capture: contiguous memory is needed: '
	probed "$vmalloc" '^capture: contiguous memory is not needed: '
	probed "$m2m" '^output: contiguous memory is not needed: '
	grep -q '^capture: contiguous memory is not needed: ' /tmp/probe || fail "$(cat /tmp/probe)"
	probed "$display" '^framebuffer: not proven: it took everything'
}

# The administrator says that the first does not need it after all.
break_probe() {
	mkdir -p /etc/heapq/policy.d
	printf '[[device]]\nmatch = { driver = "vivid" }\noverride = ["contiguous"]\n' \
		>/etc/heapq/policy.d/90-wrong.toml
}

# Who may open the device and no heap. That nothing is copied he cannot see, and need not.
step_probe_user() {
	as camera heapq probe "$asked" >/tmp/probe
	grep -q '^capture: contiguous memory is needed: ' /tmp/probe || fail "$(cat /tmp/probe)"
}

asked=$contiguous
# It takes everything, and then he would have to see it.
break_probe_user() { asked=$vmalloc; }

try() { heapq --offline probe "$1"; }

step_probe_restores() {
	local before
	heapq-guest capture "$contiguous"
	before=$(heapq-guest format "$contiguous")
	try "$contiguous"
	[ "$(heapq-guest format "$contiguous")" = "$before" ] || fail "$before before"
	# Also when it is interrupted in the middle.
	heapq --offline probe "$contiguous" &
	sleep 0.3
	kill -INT $!
	within 30 format_is "$before"
}

format_is() { [ "$(heapq-guest format "$contiguous")" = "$1" ]; }

# This one leaves its own.
break_probe_restores() { try() { heapq-guest refused "$1" --for "$vmalloc"; }; }

step_probe_busy() {
	local user
	heapq-guest occupy "$busy" >/tmp/occupied &
	user=$!
	within 30 grep -q occupied /tmp/occupied
	exits 1 heapq --offline probe "$contiguous" 2>/tmp/refusal
	kill "$user"
	grep -q "busy: heapq-guest($user) has it open" /tmp/refusal || fail "$(cat /tmp/refusal)"
}

busy=$contiguous
# Somebody uses another one.
break_probe_busy() { busy=$vmalloc; }

chosen() { # NODE: the heap, with nobody but this process asked
	heapq --offline plan "camera=$1:capture" viewer=cpu:cpu-read --size 4M | sed -n 's/^heap  *//p'
}

learn() { heapq --offline probe "$1" --write /etc/heapq/policy.d; }

# Without the shipped rules about vivid.
step_probe_policy() {
	local dir=/etc/heapq/policy.d
	mkdir -p "$dir"
	ln -s /dev/null "$dir/30-virtual.toml"
	[ "$(chosen "$vmalloc")" != system ] || fail "vivid is known all the same"
	learn "$contiguous"
	learn "$vmalloc"
	heapq policy check "$dir"
	[ "$(chosen "$vmalloc")" = system ] || fail "$vmalloc: $(chosen "$vmalloc")" "$(cat "$dir"/70-*)"
	[ "$(chosen "$contiguous")" = default_cma_region ] || fail "$contiguous: $(chosen "$contiguous")"
	rm "$dir/30-virtual.toml" "$dir"/70-probe-*
}

# What was learnt is not written.
break_probe_policy() { learn() { heapq --offline probe "$1"; }; }

bench_to=/etc/heapq/policy.d

# by_weight FILE: the heaps of a bench, heaviest first; of equal ones, those that anybody may have, by name.
by_weight() {
	sed -n 's/^name = "\(.*\)"/\1/p; s/^weight = //p' "$1" | paste - - |
		sed 's/^default_cma_region/~&/' | sort -k2,2nr -k1,1 | cut -f1 | tr -d '~' | paste -s -d ' '
}

candidates() { heapq --offline plan cpu --size 4096 | sed -n 's/^candidates  *//p' | tr -d ,; }

step_bench() {
	local heap weight file=/etc/heapq/policy.d/70-bench.toml
	mkdir -p "$bench_to" /etc/heapq/policy.d
	heapq --offline bench --write "$bench_to" >/tmp/bench
	cat /tmp/bench
	for heap in system default_cma_region udmabuf; do
		grep -qE "^$heap( +[0-9]+ (ns|us|ms)){8} +-?[0-9]+$" /tmp/bench || fail "$heap: $(cat /tmp/bench)"
	done
	[ -e "$file" ] || fail "there is no $file"
	heapq policy check /etc/heapq/policy.d
	while read -r heap weight; do
		heapq --offline heaps "$heap" | grep -q "^  weight  *$weight  *$file" || fail "$(heapq --offline heaps "$heap")"
	done < <(sed -n 's/^name = "\(.*\)"/\1/p; s/^weight = //p' "$file" | paste - -)
	[ "$(candidates)" = "$(by_weight "$file")" ] || fail "$(candidates), not $(by_weight "$file"): $(cat "$file")"
	rm "$file"
}

# They are written where nobody reads them.
break_bench() { bench_to=/tmp; }
