#!/bin/bash
# Runs in the guest as root: every step of /scenario/steps that is this kernel's, in order.
#
# usage: scenario.sh KERNEL MACHINE [STEP-TO-BREAK]
#
# The step STEP is the function `step_STEP` (with _ for -), which fails by its status; what it prints
# is shown when it does. `break_STEP` takes away, in this guest and for good, what makes the step
# hold; it runs right before it, and nothing after it is worth running.
set -u

kernel=$1 machine=$2 broken=${3:-}
# For what a step has to say while it holds.
exec 3>&1
cd /scenario
. ./machine.sh
. ./daemon.sh
. ./decisions.sh
. ./access.sh
. ./memory.sh
. ./udmabuf.sh
. ./open-heap.sh
. ./board.sh
. ./links.sh
. ./collections.sh
. ./frames.sh
. ./probe.sh
. ./hotplug.sh
. ./trouble.sh
. ./matrix.sh
. ./cost.sh
. ./systemd.sh

status=0
while read -r step kernels text; do
	case $step in '' | '#') continue ;; esac
	case ",$kernels," in *",$kernel,"*) ;; *) continue ;; esac
	name=${step//-/_}
	[ "$step" != "$broken" ] || "break_$name" >/tmp/broke 2>&1
	begun=$SECONDS
	: >/tmp/said
	# Not as a condition: bash would then let every command in it fail unnoticed.
	(set -e; "step_$name") >>/tmp/said 2>&1
	if [ $? = 0 ]; then
		echo "ok $step: $text ($((SECONDS - begun)) s)"
	else
		echo "FAILED $step: $text"
		sed 's/^/    /' /tmp/said
		status=1
		# Everything after this one asks the daemon.
		[ "$step" != daemon ] || break
	fi
	[ "$step" != "$broken" ] || break
done <steps
exit "$status"
