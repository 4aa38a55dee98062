# heapq: `make` lists what there is. The work is done by cargo and by the scripts in tests/.

CARGO ?= cargo
PREFIX ?= /usr
DESTDIR ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
BREAK ?=
COUNT ?= 20000
KERNEL ?=
SECONDS ?= 60
FUZZ ?=

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help deps build demo check check-fmt check-lints check-docs check-scripts check-data check-supply check-tests \
	check-vm check-vm-hotplug check-vm-systemd check-vm-breaks check-arm64 fuzz oracle boards bench bench-vm bench-policies bench-solver driver-table driver-table-check install clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install what building and checking need and this machine lacks (Debian packages)
	@tests/tools/deps.sh build check vm
	@tests/tools/rust.sh fmt clippy

build: ## build heapqd and heapq, optimised
	@tests/tools/deps.sh build
	@tests/tools/rust.sh
	$(CARGO) build --release --locked --package heapq-dbus

demo: build ## build, then one camera, encoder and display get their buffers
	$(TARGET)/release/heapq demo

check: deps check-fmt check-lints check-docs check-scripts check-data check-supply check-tests check-vm ## everything that must hold before a change is merged

check-fmt:
	$(CARGO) fmt --all --check

check-lints:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

check-docs:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --locked --quiet
	mandoc -Tlint -W warning docs/man/*

check-scripts:
	cd tests/vm/guest && shellcheck --severity=warning --external-sources scenario.sh init init-systemd start-systemd
	shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR .ci/run tests/tools/*.sh tests/vm/*.sh tests/vm/arm64/*.sh tests/vm/heap-links/*.sh

check-data:
	@tests/tools/data.sh

check-supply:
	@tests/tools/deny.sh
	@tests/tools/typos.sh

check-tests:
	$(CARGO) test --workspace --locked

check-vm: ## real kernels under QEMU; BREAK=STEP breaks that step, which must then fail
	@tests/tools/deps.sh build vm
	@tests/vm/run.sh '$(BREAK)' cma stock links matrix

check-vm-hotplug: ## a driver loaded and unloaded 200 times under load, which check-vm does 16 times
	@tests/tools/deps.sh build vm
	@HEAPQ_VM_LOADS=200 HEAPQ_VM_TIMEOUT=3600 tests/vm/run.sh '$(BREAK)' stock

check-vm-systemd: ## the installed unit under Debian's systemd: activated by the bus, and what it may not do
	@tests/tools/deps.sh build vm
	@tests/vm/run.sh '$(BREAK)' systemd

check-arm64: ## the same for arm64, with pools of the devicetree, buses of short reach, an SMMU and codecs
	@tests/tools/deps.sh build arm64
	@tests/vm/run.sh '$(BREAK)' smmu bypass

check-vm-breaks: ## break every step of check-vm in turn and see that each fails there (slow)
	@tests/tools/deps.sh build vm
	@tests/vm/breaks.sh

fuzz: ## SECONDS of libFuzzer for each reader of foreign input, or for FUZZ=NAME alone
	@tests/tools/deps.sh build fuzz
	@tests/tools/fuzz.sh '$(TARGET)/fuzz' '$(SECONDS)' $(FUZZ)

oracle: ## compare the solver with a brute-force one on COUNT random questions
	HEAPQ_ORACLE_COUNT=$(COUNT) $(CARGO) test --release --locked --package heapq-tests --test oracle -- --nocapture

boards: ## fetch the devicetrees of all boards of Debian's arm64 kernel, and say what is known of each; HEAPQ_BLESS=1 keeps the result
	@dir=$$(tests/tools/boards.sh "$${XDG_CACHE_HOME:-$$HOME/.cache}/heapq/boards") && \
		HEAPQ_DTB_DIR=$$dir $(CARGO) test --release --locked --package heapq-allocator --test devicetree boards:: && \
		$(CARGO) run --release --locked --quiet --package heapq-tests --bin heapq-boards "$$dir"

bench: build ## what a call of the service costs beside bare ones, beside its budgets; BENCH_STRICT=1 fails on a miss
	@tests/tools/deps.sh bench
	$(CARGO) bench --locked --package heapq-tests --bench service

bench-vm: ## what a frame from the daemon costs beside the bare ioctl, on a real kernel under QEMU
	@tests/tools/deps.sh build vm
	@tests/vm/run.sh '' bench

bench-policies: ## how long rules take to be found and loaded, beside their budgets, likewise
	$(CARGO) bench --locked --package heapq-policies --bench rules

bench-solver: ## how long the solver takes, beside its budgets; BENCH_STRICT=1 fails on a miss
	$(CARGO) bench --locked --package heapq-constraints --bench solve

driver-table: ## write policies/shipped/20-kernel-*.toml anew; KERNEL=DIR: from these sources, not Debian's
	dir=$(if $(KERNEL),'$(KERNEL)',$$(tests/tools/kernel-source.sh)) && $(CARGO) run --release --locked --quiet --package heapq-generator -- "$$dir"

driver-table-check: ## compare them with Debian's current kernel, or with KERNEL=DIR
	dir=$(if $(KERNEL),'$(KERNEL)',$$(tests/tools/kernel-source.sh)) && $(CARGO) run --release --locked --quiet --package heapq-generator -- --check "$$dir"

install: ## install into DESTDIR and PREFIX what `make build` built
	@tests/tools/install.sh '$(TARGET)/release' '$(DESTDIR)' '$(PREFIX)'

clean: ## remove what was built here
	$(CARGO) clean
