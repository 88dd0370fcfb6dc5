#!/usr/bin/env bash
# Serves the studio; with arguments, runs `fibo-studio` with them. Makes its environment first where it is
# missing, and says so on stderr: stdout is the program's alone.
#
#     scripts/studio.sh                                    then open the address it prints
#     scripts/studio.sh generate "a red ball" --seed 7
set -euo pipefail

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
python=$("$root/scripts/runtime_setup.sh" app </dev/null)

# Held as long as the program runs, so that a later version's start does not remove this environment.
exec 8<"${python%/bin/python}/.in-use"
flock -s 8 || echo "studio: Files there cannot be locked; do not start another version beside this one." >&2

[ $# -gt 0 ] || set -- serve
export PYTHONPATH=$root PYTHONNOUSERSITE=1
exec "$python" -P -m studio "$@"
