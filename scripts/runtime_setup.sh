#!/usr/bin/env bash
# Makes the Python environment of the studio, its tests or its linters, and prints the path of its python on stdout
# (all else goes to stderr). The one place that knows how; run it as often as you like, from anywhere:
#
#     python=$(scripts/runtime_setup.sh app)        the program
#     python=$(scripts/runtime_setup.sh test)       the program and what its tests need
#     python=$(scripts/runtime_setup.sh lint)       what its tests need alone, the linters among them: no torch
#
# An environment is a folder under STUDIO_ENV_DIR (default: .studio in the checkout; on a pod, a folder of its
# own under .studio on the volume, since pods may share one), named by a hash of everything it is made from:
# locks, this script, Python, kind of torch. It is
# complete if, and only if, it holds the stamp `.complete`, which is written last. A folder without one was
# interrupted and is made anew from uv's cache, because installing again into a half-made environment ends
# well and leaves files missing. When a new environment has proven itself, those it replaces go, unless a
# running program holds them (studio.sh does, through `.in-use`); so do folders of pods that have not started
# for three months. Each step's name goes to the file STUDIO_STEPS_FILE, where one is named (setup_page.py).
#
# torch is not in the locks, since the right build depends on the machine:
#     system   this Python already has a CUDA build (a pod's base image): it is used
#     cuda     an NVIDIA GPU: the build for its driver
#     cpu      else the CPU build: from a folder of wheels that pip is configured with, or PyTorch's index
#     none     no torch, for the tests of this script:  app --torch none --lock FILE --imports "MODULE…"
set -euo pipefail

torch_version=2.13.0
oldest_system_torch=2.9
uv_version=0.13.9
oldest_uv=0.9

say() { echo "studio: $*" >&2; }
die() { say "$*"; exit 1; }
step() { [ -z "${STUDIO_STEPS_FILE:-}" ] || echo "$1" >>"$STUDIO_STEPS_FILE"; }

script=$(readlink -f "${BASH_SOURCE[0]}")
root=${script%/scripts/*}
cd "$root"

mode=${1:-}
locks=(requirements.lock)
# The check at the end imports these, which also compiles them, whatever PYTHONDONTWRITEBYTECODE says later.
imports="streamlit.web.bootstrap streamlit.starlette streamlit_ace pandas sqlmodel alembic.command fastapi uvicorn typer ulid PIL
    google.genai torch._dynamo accelerate transformers.models.smollm3.modeling_smollm3
    diffusers.pipelines.bria_fibo.pipeline_bria_fibo diffusers.models.autoencoders.autoencoder_kl_wan"
torch=
case $mode in
    app) ;;
    test) locks+=(tests/requirements.lock) imports+=" pytest pytest_timeout hypothesis playwright.sync_api httpx mypy" ;;
    lint) locks=(tests/requirements.lock) torch=none imports="yaml check_jsonschema" ;;
    *) say "Usage: scripts/runtime_setup.sh app|test|lint"; exit 2 ;;
esac
shift
while [ $# -gt 0 ]; do
    case $1 in
        --torch) torch=$2 ;;
        --lock) locks=("$2") ;;
        --imports) imports=$2 ;;
        *) say "Unknown option $1"; exit 2 ;;
    esac
    shift 2
done

# ---- What this machine has -------------------------------------------------------------------------------

# Prints, a line each: whether this Python is "fit", "newer" than those tried, or "old"; its version; its
# path outside any virtual environment; the CUDA torch installed in it, if any (read, not imported).
probe='
import os, sys
print("old" if sys.version_info < (3, 11) else "fit" if sys.version_info < (3, 14) else "newer")
print("%d.%d.%d" % sys.version_info[:3])
print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
torch = ""
if sys.prefix == sys.base_prefix and sys.version_info >= (3, 11):
    import importlib.util, runpy
    spec = importlib.util.find_spec("torch")
    if spec and spec.origin:
        facts = runpy.run_path(os.path.join(os.path.dirname(spec.origin), "version.py"))
        torch = facts["__version__"] if facts.get("cuda") else ""
print(torch)
'
find_python() {
    local candidate facts seen='' newer=()
    for candidate in python3 python3.13 python3.12 python3.11; do
        readarray -t facts < <("$candidate" -I -c "$probe" 2>/dev/null || true)
        [ "${#facts[@]}" -eq 4 ] || continue
        case ${facts[0]} in
            fit) fitness=fit python_version=${facts[1]} python=${facts[2]} system_torch=${facts[3]}; return ;;
            newer) [ "${#newer[@]}" -gt 0 ] || newer=("${facts[@]}") ;;
            *) seen=" (python3 is ${facts[1]})" ;;
        esac
    done
    [ "${#newer[@]}" -gt 0 ] || die "Python 3.11, 3.12 or 3.13 is needed and none is on the PATH$seen." \
        "Install one, for example: apt-get install python3 python3-venv"
    fitness=newer python_version=${newer[1]} python=${newer[2]} system_torch=${newer[3]}
}
find_python

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; } # at_least LOWEST VERSION

if [ -z "$torch" ]; then
    if [ -n "$system_torch" ] && at_least "$oldest_system_torch" "$system_torch"; then torch=system
    elif [ -e /dev/nvidiactl ] || [ -e /usr/lib/wsl/lib/nvidia-smi ]; then torch=cuda
    else torch=cpu; fi
fi
[ "$torch" = system ] || system_torch=

# ---- Is it there already? --------------------------------------------------------------------------------

pods_dir=
if [ -n "${STUDIO_ENV_DIR:-}" ]; then env_dir=$STUDIO_ENV_DIR
elif [ -n "${RUNPOD_POD_ID:-}" ]; then
    pods_dir=${WORKSPACE_DIR:-/workspace}/.studio
    env_dir=$pods_dir/$RUNPOD_POD_ID
else env_dir=$root/.studio; fi
mkdir -p -- "$env_dir" || die "The folder for the environment cannot be made: $env_dir." \
    "Set STUDIO_ENV_DIR to a folder that can be written."
env_dir=$(readlink -f -- "$env_dir")

key=$({
    printf '%s\n' "$python" "$python_version" "$torch $system_torch" "$imports"
    cat -- "${locks[@]}" "$script"
} | sha256sum)
env=$env_dir/$mode-${key:0:16}
link=$env_dir/current
[ "$mode" = app ] || link+=-$mode

ready() { [ -f "$env/.complete" ] && [ -x "$env/bin/python" ]; }
finish() { # point the link at it and hand it out
    [ -z "$pods_dir" ] || touch -- "$env_dir/.started" || true
    if ! [ "$link" -ef "$env" ]; then
        ln -sfn -- "${env##*/}" "$link.part.$$" && mv -fT -- "$link.part.$$" "$link"
    fi
    step studio
    echo "$env/bin/python"
    exit 0
}
if ready; then finish; fi

# ---- Make it ---------------------------------------------------------------------------------------------

command -v flock >/dev/null || die "flock is missing. Install it: apt-get install util-linux"
# The lock is inherited by the installer: should only this script be killed, the next start waits for it.
exec 9>"$env_dir/.lock"
flock -n -E 75 9 || case $? in
    75)
        say "Another start is making the environment. Waiting for it…"
        flock 9
        if ready; then finish; fi
        ;;
    *) say "Files in $env_dir cannot be locked. Two starts at the same time would be in each other's way." ;;
esac

need_disk() { # need_disk MEGABYTES
    local free
    free=$(df -Pk -- "$env_dir" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$1" ] || die "Too little disk space for the environment: $env_dir has $free MB free," \
        "$1 MB are needed. Free some, or set STUDIO_ENV_DIR to a folder on a larger disk."
}
discard() { # the stamp goes first, so that a discarded environment never looks complete
    rm -f -- "$1/.complete"
    rm -rf -- "$1"
}

find_uv() {
    local version part=$env_dir/uv.part
    if version=$(uv --version 2>/dev/null) && at_least "$oldest_uv" "$(echo "$version" | cut -d' ' -f2)"; then
        uv=uv
        return
    fi
    uv=$env_dir/uv-$uv_version/bin/uv
    [ ! -x "$uv" ] || return 0
    say "Fetching uv $uv_version…"
    rm -rf -- "$part"
    export PIP_ROOT_USER_ACTION=ignore
    # A Debian Python may refuse installs into itself (--target is none) and may come without pip or venv.
    if "$python" -P -m pip --version >/dev/null 2>&1 ||
        { ! "$python" -P -c 'import ensurepip' 2>/dev/null && apt_install python3-pip; }; then
        "$python" -P -m pip install -qq --target "$part" "uv==$uv_version" >&2
    elif "$python" -P -m venv "$part" >/dev/null 2>&1; then
        "$part/bin/python" -m pip install -qq "uv==$uv_version" >&2
    else
        die "$python has neither pip nor venv. Install them: apt-get install python3-pip"
    fi || die "uv could not be installed. Is the network there? Or install uv yourself and start again."
    rm -rf -- "$env_dir/uv-$uv_version"
    mv -T -- "$part" "$env_dir/uv-$uv_version"
}
apt_install() { # where root is asking; elsewhere the reader is told what to install
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "Installing $1 with apt-get…"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } >/dev/null
}

install() {
    local quiet=(--quiet)
    [ ! -t 2 ] || quiet=() # progress is for people
    "$uv" pip install "${quiet[@]}" "${offline[@]}" --python "$env/bin/python" "$@" >&2
}
find_torch_wheel() { # prints the folder, among those pip is configured with, that holds torch for this Python
    local folder tag=cp${python_version%.*}
    tag=${tag/./}
    for folder in $("$python" -P -m pip config list 2>/dev/null | sed -n "s/.*find-links='\(.*\)'$/\1/p"); do
        folder=${folder#file://}
        compgen -G "$folder/torch-${torch_version}[+-]*$tag-*_$(uname -m).whl" >/dev/null && echo "$folder" && return
    done
    return 1
}
install_torch() {
    local folder backend=cpu
    [ "$torch" != cuda ] || backend=auto
    if [ "$torch" = cpu ] && folder=$(find_torch_wheel); then
        install --no-index --find-links "$folder" "torch==$torch_version"
    elif ! install --torch-backend="$backend" "torch==$torch_version"; then
        say "PyTorch's own index cannot be reached. Taking the common build: 3 GB to download, 6 GB on disk."
        need_disk 8000
        install "torch==$torch_version"
    fi
}

build() { # build [--offline]
    local lock system_packages=() lock_options=() offline=("$@")
    [ "$torch" != system ] || system_packages=(--system-site-packages)
    for lock in "${locks[@]}"; do lock_options+=(-r "$lock"); done
    discard "$env" &&
        "$uv" venv --quiet --python "$python" "${system_packages[@]}" "$env" >&2 &&
        : >"$env/.in-use" &&
        step packages &&
        install --no-deps --require-hashes "${lock_options[@]}" &&
        step torch &&
        case $torch in cpu | cuda) install_torch ;; esac
}

say "Making the environment ($mode, Python $python_version, torch: $torch) in $env. This takes a few minutes, once."
[ "$fitness" = fit ] || say "Python $python_version is newer than those this was tried with (3.11 to 3.13)."
step installer
discard "$env"
case $torch in
    none) need_disk 500 ;;
    cuda) need_disk 9000 ;;
    *) need_disk 3000 ;;
esac
find_uv
# All of it may lie in uv's cache: then no network is needed.
(build --offline) 2>/dev/null || build ||
    die "The environment could not be made (see above). Start again when that is mended:" \
        "what was downloaded is kept."

step check
say "Checking it…"
# shellcheck disable=SC2086  # a list of words
if ! trouble=$("$env/bin/python" -I -c '
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
' $imports 2>&1); then
    echo "$trouble" >&2
    die "The new environment does not work (see above). It will be made anew at the next start."
fi

sync -f -- "$env"
printf '%s\n' "$mode" "Python $python_version, $python" "torch: $torch $system_torch" >"$env/.complete.part"
sync -- "$env/.complete.part"
mv -f -- "$env/.complete.part" "$env/.complete"
sync -- "$env"

for old in "$env_dir/$mode"-*; do
    [ "$old" -ef "$env" ] || (
        exec 8>"$old/.in-use"
        flock -n 8 && discard "$old"
    ) || say "Kept $old, which a running program uses."
done
[ -z "$pods_dir" ] || find "$pods_dir" -mindepth 2 -maxdepth 2 -name .started -mtime +90 | while read -r started; do
    say "Removing ${started%/.started}, of a pod that has not started for three months."
    rm -rf -- "${started%/.started}"
done
finish
