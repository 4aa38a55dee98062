#!/bin/bash
# Boots a kernel under QEMU and streams what the scenario in its initramfs says.
#
# usage: boot.sh KERNEL INITRD KERNEL-LOG [WORD...]
#
# WORD is one of the kernel's command line, or -OPTION:VALUE for QEMU.
#
# INITRD is NAME.initrd; where there is a devicetree NAME.dtb beside it, the machine is arm64's.
#
# The kernel's messages go to one port (KERNEL-LOG), the scenario's to another (our stdout), so neither cuts
# the other's lines in two. The scenario ends with the line `exit N`.
# Exit status: N; 124 if time ran out; 125 if the guest died without that line.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/arm64/machine.sh"
kernel=$1 initrd=$2 log=$3
shift 3
options=() further=()
for word in "$@"; do
	case $word in
	-*:*) options+=("${word%%:*}" "${word#*:}") ;;
	*) further+=("$word") ;;
	esac
done
# Half a minute does when the host has nothing else to do.
seconds=${HEAPQ_VM_TIMEOUT:-600}

board=${initrd%.initrd}.dtb
if [ -e "$board" ]; then
	# It has one serial port. A virtio console loses what its reader does not take at once, as a file does.
	machine=("${arm64_machine[@]}" -dtb "$board" -serial chardev:said
		-device virtio-serial-device -device "virtconsole,chardev=log")
	words="console=hvc0 earlycon heapq.port=ttyAMA0"
else
	machine=(qemu-system-x86_64 -M q35 -cpu max -smp 2 -m 1024 -serial chardev:log -serial chardev:said)
	# The power management timer has a frequency that is known: the TSC's is measured, and on a busy host
	# so wrongly that a guest's minutes are over in seconds.
	words="console=ttyS0 heapq.port=ttyS1 reboot=t tsc=reliable no_timer_check clocksource=acpi_pm"
fi
# TCG, also where KVM would work: one way to run it everywhere. 1 GiB is what the memory steps of the
# scenario are written for; of two sizes the last counts.
machine+=(
	-accel "tcg,thread=multi" -nodefaults -display none -no-reboot
	-chardev "file,id=log,path=$log" -chardev "stdio,id=said"
	-kernel "$kernel" -initrd "$initrd"
	-append "loglevel=4 panic=-1 $words ${further[*]}"
	${options[@]+"${options[@]}"}
)

# Runs the machine: `status`, and whether anything was `said`.
run() {
	status=125 said=no
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		'exit '*) status=${line#exit } ;;
		'qemu ended '*)
			# Without the scenario's own word, 124 from `timeout` is all that there is to pass on.
			[ "$status" != 125 ] || [ "${line##* }" != 124 ] || status=124
			;;
		*) printf '%s\n' "$line" && said=yes ;;
		esac
	done < <(
		timeout -k 5 "$seconds" "${machine[@]}" </dev/null 2>&1
		echo "qemu ended $?"
	)
}

run
# A kernel patches its own code as it starts, and TCG with two processors now and then runs into the half
# of it (seen: int3 in sched_clock_cpu of 6.12.107, two seconds after the start). That is none of ours.
if [ "$status $said" = '125 no' ]; then
	echo "the guest died before it said a word; once more. The end of its kernel log:" >&2
	tail -n 20 "$log" >&2
	run
fi

case $status in
124) echo "the guest did not finish in $seconds s" >&2 ;;
125) echo "the guest died; the end of its kernel log:" >&2 && tail -n 20 "$log" >&2 ;;
esac
exit "$status"
