#!/bin/bash
# Spelling, with typos from PyPI in an environment of its own (_typos settings: typos.toml).
set -euo pipefail

version=1.52.0
cd "$(dirname "$0")/../.."
venv=${CARGO_TARGET_DIR:-target}/typos-$version

if [ ! -x "$venv/bin/typos" ]; then
	rm -rf "$venv.new"
	mkdir -p "$(dirname "$venv")"
	python3 -m venv "$venv.new"
	"$venv.new/bin/pip" install --quiet --disable-pip-version-check "typos==$version"
	mv "$venv.new" "$venv"
fi
"$venv/bin/typos"
