#!/usr/bin/env bash
# How long a container's first start takes, apart from weights, and a later one: until the set-up's page answers,
# until the studio itself does, and until its model is loaded.
#
#     scripts/bench/startup.sh [FOLDER] [--warm]
#
# FOLDER (a temporary one) stands for the volume, is to be empty, and is removed; name one on a pod's volume to
# measure that. Without --warm every package is downloaded; with it they come from uv's cache of this machine.
# Paints with mini: no token is needed.
set -euo pipefail

root=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
folder='' warm=''
for argument in "$@"; do
    case $argument in
        --warm) warm=yes ;;
        *) folder=$argument ;;
    esac
done
[ -n "$folder" ] || folder=$(mktemp -d)
mkdir -p -- "$folder"
folder=$(readlink -f -- "$folder")
if [ -n "$(ls -A -- "$folder")" ]; then
    echo "startup.sh: $folder is not empty." >&2
    exit 1
fi
if [ -z "$warm" ]; then
    export UV_CACHE_DIR=$folder/uv
elif [ -z "${UV_CACHE_DIR:-}" ] && command -v uv >/dev/null; then
    UV_CACHE_DIR=$(uv cache dir)
    export UV_CACHE_DIR
fi

unset RUNPOD_POD_ID PUBLIC_KEY JUPYTER_PASSWORD STUDIO_PASSWORD STUDIO_ENV_DIR
export FIBO_MODEL=mini WORKSPACE_DIR=$folder STUDIO_HOST=127.0.0.1
STUDIO_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export STUDIO_PORT

studio=
leave() {
    [ -z "$studio" ] || { kill "$studio" 2>/dev/null && wait "$studio"; } || true
    rm -rf -- "$folder" "$folder.log"
}
trap leave EXIT
trap 'exit 1' INT TERM

measure() { # measure NAME
    "$root/scripts/entrypoint.sh" 2>"$folder.log" &
    studio=$!
    python3 - "$1" "$studio" "$STUDIO_PORT" "$folder.log" <<'PROBE'
import json, os, sys, time, urllib.request

name, studio, port, log = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
began, seen = time.monotonic(), {}
while "model loaded" not in seen:
    try:
        os.kill(studio, 0)
    except ProcessLookupError:
        sys.exit(f"The studio ended:\n{open(log).read()}")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            health = json.load(answer)
    except OSError:
        health = {}
    now = time.monotonic() - began
    if "setup" in health:
        seen.setdefault("set-up page", now)
    elif health:
        seen.setdefault("studio answers", now)
        if health["model_loaded"]:
            seen["model loaded"] = now
    time.sleep(0.05)
print(f"{name}: " + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in seen.items()), flush=True)
PROBE
    kill "$studio"
    wait "$studio" || true
    studio=
}
if [ -n "$warm" ]; then measure "first start, packages in the cache"; else measure "first start, all downloaded"; fi
measure "restart"
