#!/usr/bin/env bash
# Writes requirements.lock (the program) and tests/requirements.lock (its tests) anew from pyproject.toml:
# versions, markers and hashes for every Python and platform, no addresses, and no torch, since the right
# build of torch depends on the machine (scripts/runtime_setup.sh). Versions already locked stay unless
# asked otherwise:  scripts/lock.sh [--upgrade | --upgrade-package NAME]…
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=$(command -v uv || command -v "${STUDIO_ENV_DIR:-.studio}/current-test/bin/uv") ||
    { echo "lock.sh: uv is missing. Run scripts/test.sh once, or install uv." >&2; exit 1; }

# A folder or an index of this one machine must not reach the lock.
unset UV_FIND_LINKS UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_DEFAULT_INDEX UV_CONSTRAINT UV_OVERRIDE UV_TORCH_BACKEND

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo torch >"$work/excludes.txt"
echo 'typer>=0.29' >"$work/overrides.txt" # the program's; openapi-python-client allows less and runs with it
printf '%s\n' networkx setuptools sympy >"$work/torch-needs.in" # what torch itself needs, fixed with the rest

compile() {
    "$uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --excludes "$work/excludes.txt" "$@" >/dev/null
}
compile "$work/torch-needs.in" pyproject.toml -o requirements.lock "$@"
compile --group pyproject.toml:dev -c requirements.lock --override "$work/overrides.txt" -o tests/requirements.lock "$@"
