#!/usr/bin/env bash
# Makes the virtual environment the commands run in: scripts/bootstrap.sh REQUIREMENTS
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "Python is not installed: on Debian or Ubuntu run \`sudo apt-get install python3 python3-venv\`"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed; $python is $("$python" -V). PYTHON=python3.12 make ... chooses another"

if [ ! -x .venv/bin/pip ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian splits these off; as root it is one harmless step.
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            echo "==> installing python3-venv from the distribution"
            log=$(mktemp)
            { apt-get update && apt-get install --yes --no-install-recommends python3-venv; } >"$log" 2>&1 \
                || fail "\`apt-get install python3-venv\` failed: $(reason "$log")"
            rm -f "$log"
        else
            fail "Python's venv module is missing: run \`sudo apt-get install python3-venv\`"
        fi
    fi
    "$python" -m venv --clear .venv
fi
echo "==> installing the locked Python packages of $1"
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement "$1"
