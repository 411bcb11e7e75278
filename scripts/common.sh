# What the scripts share; each of them reads it.
# shellcheck shell=bash

fail() { echo "==> $1" >&2; exit 1; }

at_least() { [ "$(printf '%s\n' "$2" "$1" | sort --version-sort | head -n 1)" = "$2" ]; }

# What a person needs of a log: the last line that names an error, or else the last one at all.
reason() {
    { grep --extended-regexp '^==> |[Ee]rror|ERROR|fatal|denied|not found|No space' "$1" || cat "$1"; } \
        | sed 's/^==> //; /^[[:space:]]*$/d' | tail --lines=1 | cut --characters=1-300
}
