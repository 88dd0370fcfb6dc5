#!/usr/bin/env bash
# Looks through the tree for what should not be committed, in seconds and without a network: by hand, before a
# commit (.pre-commit-config.yaml) and in continuous integration. It lists every fault in one pass and then ends
# with 1; 2 where it could not look.
#
#     scripts/validate.sh                    what git would take of this checkout, and what is staged
#     scripts/validate.sh --since REVISION   as well what each commit since then has added, for secrets
#
# Its tools come from the environment of the tests, which it makes where it is missing; VALIDATE_PYTHON names the
# python of one that is there already.
set -uo pipefail
shopt -s extglob

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
cd "$root" || exit 2
say() { echo "validate.sh: $*" >&2; }
misused() { say "$*"; exit 2; }

git rev-parse --show-toplevel >/dev/null || misused "$root is no git checkout."

since=()
while [ $# -gt 0 ]; do
    case $1 in
        --since)
            git rev-parse --quiet --verify "${2:-}^{commit}" >/dev/null || misused "There is no commit ${2:-}."
            since=(--since "$2")
            ;;
        *) misused "Unknown option $1. There is --since REVISION." ;;
    esac
    shift 2
done
python=${VALIDATE_PYTHON:-$(scripts/runtime_setup.sh test </dev/null)} || exit 2
export PATH=${python%/*}:$PATH PYTHONDONTWRITEBYTECODE=1 NO_COLOR=1

# What git would take: tracked files and new ones, but for what is ignored or deleted.
files=() shell=()
while IFS= read -r -d '' file; do
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    files+=("$file")
    case ${file##*/} in
        *.sh) shell+=("$file") ;;
        *.*) ;;
        *) IFS= read -r first <"$file" && [[ $first =~ ^#!.*[/\ ](ba|da)?sh(\ |$) ]] && shell+=("$file") ;;
    esac
done < <(git ls-files -z --cached --others --exclude-standard) 2>/dev/null
matching() { # matching PATTERN: those of the files that are like it
    local file
    for file in "${files[@]}"; do
        # shellcheck disable=SC2254  # a pattern is meant
        case $file in $1) printf '%s\0' "$file" ;; esac
    done
}
readarray -d '' -t dockerfiles < <(matching '@(Dockerfile|*/Dockerfile|*.Dockerfile)')
readarray -d '' -t workflows < <(matching '.github/workflows/*.@(yml|yaml)')
readarray -d '' -t issue_forms < <(matching '.github/ISSUE_TEMPLATE/*.yml')

work=$(mktemp -d) || exit 2
trap 'rm -rf -- "$work"' EXIT
names=() pids=()
check() { # check NAME COMMAND…: begun here, told at the end; what it says is shown only where it fails
    "${@:2}" >"$work/${#names[@]}" 2>&1 </dev/null &
    names+=("$1") pids+=($!)
}
# shellcheck disable=SC2329  # called by check
schema() { # schema NAME FILE…
    check-jsonschema --builtin-schema "vendor.$1" "${@:2}"
}
# shellcheck disable=SC2329  # called by check
bash_syntax() {
    local file bad=0
    for file in "${shell[@]}"; do bash -n -- "$file" || bad=1; done
    return "$bad"
}
# shellcheck disable=SC2329  # called by check
ours() { "$python" -P -I scripts/validate_files.py "$@"; }

[ ${#shell[@]} -eq 0 ] || check "shell scripts: syntax" bash_syntax
[ ${#shell[@]} -eq 0 ] || check "shell scripts: shellcheck" shellcheck -- "${shell[@]}"
check "Python: syntax" ours syntax
check "Python: ruff check" ruff check --no-cache --quiet --output-format concise .
check "Python: ruff format" ruff format --no-cache --check --quiet .
[ ${#dockerfiles[@]} -eq 0 ] || check "Dockerfile: hadolint" hadolint -- "${dockerfiles[@]}"
if [ ${#workflows[@]} -gt 0 ]; then
    check "workflows: schema" schema github-workflows "${workflows[@]}"
    check "workflows: every action by its commit" ours actions
    check "workflows: shellcheck" ours run-blocks
    check "workflows: zizmor" zizmor --offline --quiet --no-progress --format plain .github
fi
[ ! -f .github/dependabot.yml ] || check "Dependabot: schema" schema dependabot .github/dependabot.yml
forms=()
for file in "${issue_forms[@]}"; do [ "${file##*/}" = config.yml ] || forms+=("$file"); done
[ ${#forms[@]} -eq 0 ] || check "issue forms: schema" schema github-issue-forms "${forms[@]}"
[ ! -f scripts/runpod/template.json ] || check "RunPod template: schema" \
    check-jsonschema --schemafile scripts/runpod/template.schema.json scripts/runpod/template.json
check "no secrets" ours secrets "${since[@]}"
check "no large files" ours sizes

failed=()
for number in "${!names[@]}"; do
    if wait "${pids[number]}"; then
        say "fine: ${names[number]}"
    else
        failed+=("${names[number]}")
        say "FAULT: ${names[number]}"
        sed 's/^/    /' "$work/$number" >&2
    fi
done
[ ${#failed[@]} -gt 0 ] || { say "All fine."; exit 0; }
say "Failed: ${#failed[@]}"
for name in "${failed[@]}"; do say "    $name"; done
exit 1
