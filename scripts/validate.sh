#!/usr/bin/env bash
# Looks through the tree for what should not be committed, in seconds and without a network: by hand, before a
# commit (.pre-commit-config.yaml) and in continuous integration. It lists every fault in one pass and then ends
# with 1; 2 where it could not look.
#
#     scripts/validate.sh                    what git would take of this checkout, and what is staged
#     scripts/validate.sh --since REVISION   as well what each commit since then has added, for secrets
#     scripts/validate.sh --all              with the linters, as GitHub does
#
# It needs bash, git and Python 3.10 or newer, and nothing installed. For --all it makes an environment of the
# linters where that is missing; VALIDATE_PYTHON names the python of one that is there already.
set -uo pipefail
shopt -s extglob

say() { echo "validate.sh: $*" >&2; }
misused() { say "$*"; exit 2; }

python=
for candidate in python3 python3.1{3,2,1,0}; do
    "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || misused "Python 3.10 or newer is needed, and no python3 on the PATH is one."
root=$("$python" -I -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).resolve().parents[1])' "${BASH_SOURCE[0]}")
cd "$root" || exit 2
git rev-parse --show-toplevel >/dev/null || misused "$root is no git checkout."

since=() all=
while [ $# -gt 0 ]; do
    case $1 in
        --all) all=yes ;;
        --since)
            git rev-parse --quiet --verify "${2:-}^{commit}" >/dev/null || misused "There is no commit ${2:-}."
            since=(--since "$2")
            shift
            ;;
        *) misused "Unknown option $1. There are --all and --since REVISION." ;;
    esac
    shift
done
if [ -n "$all" ]; then
    python=${VALIDATE_PYTHON:-$(scripts/runtime_setup.sh lint </dev/null)} || exit 2
    export PATH=${python%/*}:$PATH NO_COLOR=1
fi

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

names=() outputs=() left=()
check() { # check NAME COMMAND…: begun here, told at the end; what it says is shown only where it fails
    local output
    exec {output}< <("${@:2}" 2>&1 </dev/null; printf '\n%s' $?)
    names+=("$1") outputs+=("$output")
}
linter() { # linter NAME COMMAND…: a check whose program has to be installed
    if [ -n "$all" ]; then check "$@"; else left+=("$1"); fi
}
# shellcheck disable=SC2329  # called by linter
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
ours() { "$python" -I -B scripts/validate_files.py "$@"; }

if [ ${#shell[@]} -gt 0 ]; then
    check "shell scripts: syntax" bash_syntax
    linter "shell scripts: shellcheck" shellcheck -- "${shell[@]}"
fi
check "Python: syntax" ours python
linter "Python: ruff check" ruff check --no-cache --quiet --output-format concise .
linter "Python: ruff format" ruff format --no-cache --check --quiet .
check "JSON: syntax" ours json
if "$python" -I -c 'import tomllib' 2>/dev/null; then
    check "TOML: syntax" ours toml
else
    left+=("TOML: syntax (needs Python 3.11)")
fi
[ ${#dockerfiles[@]} -eq 0 ] || linter "Dockerfile: hadolint" hadolint -- "${dockerfiles[@]}"
if [ ${#workflows[@]} -gt 0 ]; then
    check "workflows: form" ours workflows
    check "workflows: every action by its commit" ours actions
    linter "workflows: schema" schema github-workflows "${workflows[@]}"
    linter "workflows: shellcheck" ours run-blocks
    linter "workflows: zizmor" zizmor --offline --quiet --no-progress --format plain .github
fi
[ ! -f .github/dependabot.yml ] || linter "Dependabot: schema" schema dependabot .github/dependabot.yml
forms=()
for file in "${issue_forms[@]}"; do [ "${file##*/}" = config.yml ] || forms+=("$file"); done
[ ${#forms[@]} -eq 0 ] || linter "issue forms: schema" schema github-issue-forms "${forms[@]}"
[ ! -f scripts/runpod/template.json ] || linter "RunPod template: schema" \
    check-jsonschema --schemafile scripts/runpod/template.schema.json scripts/runpod/template.json
check "no secrets" ours secrets "${since[@]}"
check "no large files" ours sizes

failed=()
for number in "${!names[@]}"; do
    IFS= read -r -d '' said <&"${outputs[number]}" # to its end, of which the last line is the exit status
    if [ "${said##*$'\n'}" = 0 ]; then
        say "fine: ${names[number]}"
    else
        failed+=("${names[number]}")
        say "FAULT: ${names[number]}"
        said=${said%$'\n'*}
        said=${said%%*($'\n')}
        printf '    %s\n' "${said//$'\n'/$'\n    '}" >&2
    fi
done
[ ${#left[@]} -eq 0 ] || { printf -v list '; %s' "${left[@]}"; say "Left to GitHub, or to --all: ${list:2}."; }
[ ${#failed[@]} -gt 0 ] || { say "All fine."; exit 0; }
say "Failed: ${#failed[@]}"
for name in "${failed[@]}"; do say "    $name"; done
exit 1
