#!/usr/bin/env bash
# Runs scripts/validate.sh --all and mypy, then the tests, in an environment of their own that it makes where it is
# missing. Arguments go to pytest; the checks run all the same:
#
#     scripts/test.sh                                      everything but what needs a GPU
#     scripts/test.sh tests/prompts/test_structured_prompt.py -k canonical
#     scripts/test.sh -n 0 -m gpu                          opt-in, one after another
#
# Tests run side by side, a worker for each core and four at most; -n sets another number.
# A failed check does not stop the tests. The exit status is pytest's, or 1 where only a check failed.
# Browser tests drive Chromium, named by STUDIO_TEST_CHROMIUM; where none is found and none can be installed
# they are skipped, and STUDIO_TEST_NO_CHROMIUM holds the reason.
set -uo pipefail

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
cd "$root" || exit 1
python=$(scripts/runtime_setup.sh test </dev/null) || exit 1
bin=${python%/python}
exec 8<"${bin%/bin}/.in-use" || exit 1
flock -s 8
export PATH=$bin:$PATH

say() { echo "test.sh: $*" >&2; }

find_chromium() { # prints the path of a Chromium that starts; Ubuntu's chromium-browser may be an empty shell
    local name path
    for name in "${STUDIO_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome \
        "$("$python" -c 'if True:
            from playwright.sync_api import sync_playwright
            with sync_playwright() as p: print(p.chromium.executable_path)' 2>/dev/null)"; do
        path=$(command -v "$name") && timeout 30 "$path" --version >/dev/null 2>&1 && echo "$path" && return
    done
    return 1
}
install_chromium() { # from the distribution, else the build that playwright offers
    local become=(sudo -n)
    [ "$(id -u)" != 0 ] || become=()
    if command -v apt-get && "${become[@]}" true; then
        "${become[@]}" apt-get update -qq
        "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends chromium && find_chromium && return
        timeout 300 "$python" -m playwright install --with-deps chromium
    else
        timeout 300 "$python" -m playwright install chromium
    fi
}
if ! STUDIO_TEST_CHROMIUM=$(find_chromium); then
    say "Installing Chromium for the browser tests…"
    log=$(install_chromium </dev/null 2>&1)
    if ! STUDIO_TEST_CHROMIUM=$(find_chromium); then
        STUDIO_TEST_NO_CHROMIUM="No Chromium is here and none could be installed. Last word: ${log##*$'\n'}"
        say "$STUDIO_TEST_NO_CHROMIUM"
        say "The browser tests are skipped."
    fi
fi
export STUDIO_TEST_CHROMIUM STUDIO_TEST_NO_CHROMIUM=${STUDIO_TEST_NO_CHROMIUM:-}

# The studio as it is, whatever this shell was set up with; no network but the machine's own.
export PYTHONPATH=$root PYTHONNOUSERSITE=1 HF_HUB_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 DO_NOT_TRACK=1
cores=$(nproc) # before OMP_NUM_THREADS is set, which it would answer with
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} TOKENIZERS_PARALLELISM=false

failed=()
check() { # check NAME COMMAND…
    say "$1"
    "${@:2}" >&2 || failed+=("$1")
}
if git rev-parse --git-dir >/dev/null 2>&1; then
    check "scripts/validate.sh" env VALIDATE_PYTHON="$python" scripts/validate.sh --all
else # it asks git which files there are
    say "No git checkout: scripts/validate.sh is left out."
fi
check "types: mypy" mypy --no-error-summary

"$python" -m pytest --numprocesses $((cores < 4 ? cores : 4)) --dist worksteal "$@"
status=$?
for name in "${failed[@]}"; do say "Failed: $name (see above)."; done
[ $status -ne 0 ] || [ ${#failed[@]} -eq 0 ] || status=1
exit $status
