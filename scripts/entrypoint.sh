#!/usr/bin/env bash
# What the container runs. Without arguments it serves the studio:
#
#   1. looks whether the machine will do (preflight.py), and ends with every fault and its remedy where not
#   2. starts ssh and Jupyter as the base image does, where the pod asks for them
#   3. shows the set-up's steps on the studio's port (setup_page.py)
#   4. makes the environment on the volume and serves the studio (studio.sh), which takes the port over
#
# With arguments it is the program, in the same environment: `fibo-studio history list` in the image.
#
# It stays the first process: it passes signals on, collects processes that others leave behind, and sees to
# it that all has ended ten seconds after a signal. It may be started again at any moment.
set -uo pipefail

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
say() { echo "studio: $*" >&2; }

# Docker's --env-file keeps the quotes around a value. They are taken off for all that is started here.
for name in $(python3 -I "$root/scripts/preflight.py" --quoted); do
    say "$name stands in quotes, which were taken off. Write its value without them."
    value=${!name}
    value=${value#"${value%%[![:space:]]*}"} value=${value%"${value##*[![:space:]]}"}
    export "$name=${value:1:-1}"
done
unset value

# The base image points the caches of Hugging Face and uv at /workspace. Ours follow WORKSPACE_DIR and
# CACHE_DIR; what the user has set stays.
[ "${HF_HOME:-}" != /workspace/.cache/huggingface/ ] || unset HF_HOME
[ "${UV_CACHE_DIR:-}" != /workspace/.cache/uv/ ] || unset UV_CACHE_DIR
settle() { # once preflight.py has seen what the user has set
    export WORKSPACE_DIR=${WORKSPACE_DIR:-/workspace}
    export UV_CACHE_DIR=${UV_CACHE_DIR:-${CACHE_DIR:-$WORKSPACE_DIR/.cache}/uv}
    [ -n "${RUNPOD_POD_ID:-}" ] || export STUDIO_ENV_DIR=${STUDIO_ENV_DIR:-$WORKSPACE_DIR/.studio/container}
}

if [ $# -gt 0 ]; then
    settle
    exec "$root/scripts/studio.sh" "$@"
fi

# ---- Children, and how they end --------------------------------------------------------------------------

child=  # the one that is waited for: it leads a group of its own, so that a signal reaches all of it
beside=() # those that go with this script
scratch=

# shellcheck disable=SC2329  # called by end
signal() { kill "-$1" -- "-$child" 2>/dev/null || kill "-$1" "$child" 2>/dev/null; }
# shellcheck disable=SC2329  # called by the trap
end() {
    trap '' TERM INT HUP
    say "Ending…"
    if [ -n "$child" ]; then
        signal TERM
        for _ in {1..90}; do # a running job is marked interrupted meanwhile
            kill -0 "$child" 2>/dev/null || break
            sleep 0.1
        done
        signal KILL
    fi
    exit 0
}
# shellcheck disable=SC2329  # called by the trap
leave() {
    [ ${#beside[@]} -eq 0 ] || kill "${beside[@]}" 2>/dev/null
    [ -z "$scratch" ] || rm -rf -- "$scratch"
}
trap end TERM INT HUP
trap leave EXIT

run() { # run COMMAND…: a signal is heard while it runs
    setsid "$@" </dev/null &
    child=$!
    wait "$child"
    local status=$?
    child=
    return $status
}

# ---- The start -------------------------------------------------------------------------------------------

run python3 -I "$root/scripts/preflight.py" || exit 1
settle

# ssh and Jupyter are the base image's: its own start script is run as it is, beside the studio, where the pod
# brings a key or a password for them. It writes its environment into a file for ssh sessions, so our secrets
# are kept from it.
base_start=${STUDIO_BASE_START:-/start.sh}
if [ -x "$base_start" ] && [ -n "${PUBLIC_KEY:-}${JUPYTER_PASSWORD:-}" ]; then
    without=()
    for name in $(python3 -I "$root/scripts/preflight.py" --secrets); do without+=(-u "$name"); done
    say "Starting ssh and Jupyter as the base image does ($base_start)."
    env "${without[@]}" "$base_start" </dev/null &
    beside+=($!)
fi

scratch=$(mktemp -d) || exit 1
export STUDIO_STEPS_FILE=$scratch/steps # runtime_setup.sh tells it the step it has come to
echo machine >"$STUDIO_STEPS_FILE"
python3 -I "$root/scripts/setup_page.py" "${STUDIO_HOST:-127.0.0.1}" \
    "${STUDIO_PORT:-${GRADIO_SERVER_PORT:-7860}}" "$STUDIO_STEPS_FILE" </dev/null &
export STUDIO_SETUP_PAGE=$! # `serve` ends it when it is about to listen itself
beside+=("$STUDIO_SETUP_PAGE")

run "$root/scripts/studio.sh" serve
status=$?
say "The studio has ended (exit $status). What it said last is above; started again, it goes on from there."
exit $((status == 0 ? 1 : status))
