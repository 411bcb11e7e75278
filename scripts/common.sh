# What the scripts share; each of them reads it.
# shellcheck shell=bash

fail() { echo "==> $1" >&2; exit 1; }

at_least() { [ "$(printf '%s\n' "$2" "$1" | sort --version-sort | head -n 1)" = "$2" ]; }

# What a person needs of a log: the last line that says why. What a script of ours said last is that line; else it is the
# last one that names an error, without those that only repeat that something before them failed, and without what is
# not about errors (a module of that name that is downloaded).
reason() {
    sed --regexp-extended 's/^#[0-9]+ //; s/^[0-9]+\.[0-9]+ //; /^[[:space:]]*$/d; /^-+$/d; /^go: downloading /d' "$1" | awk '
        /failed to solve|executor failed running|did not complete successfully|mmdebstrap failed to run/ { summary = $0; next }
        /^E: apt-get .* failed$|Some index files failed|^I: (main\(\) received signal|removing tempdir)/ { summary = $0; next }
        /^E: |[Ee]rror:|ERROR|fatal|denied|not found|[Nn]o space|[Nn]o such|[Uu]nable|[Cc]annot|[Cc]ould not|[Ff]ailed|refused|time(d )?out|Killed/ { cause = $0 }
        { last = $0 }
        END { print substr(sub(/^==> /, "", last) || !cause ? (last ? last : summary ? summary : "no output") : cause, 1, 300) }'
}
