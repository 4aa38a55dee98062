# shellcheck shell=bash
# The arm64 machine, for whoever starts it and whoever asks for its devicetree. Sourced.
# shellcheck disable=SC2034 # used there

arm64_machine=(qemu-system-aarch64 -M "virt,iommu=smmuv3" -cpu cortex-a57 -smp 2 -m 1024)
