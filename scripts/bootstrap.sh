#!/usr/bin/env bash
# Makes the virtual environment the commands run in: scripts/bootstrap.sh REQUIREMENTS [up]
#
# With `up`, where there is no Docker, the plugins that Debian's client will lack are compiled meanwhile: compiling takes all
# cores for minutes, and installing mostly waits.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "Python is not installed: on Debian or Ubuntu run \`sudo apt-get install python3 python3-venv\`"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed; $python is $("$python" -V). PYTHON=python3.12 make ... chooses another"

# As root on Debian, what is missing is one harmless step.
may_install=no
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then may_install=yes; fi
compile_ahead=no
packages=()
if [ "${2:-}" = up ] && [ $may_install = yes ] && ! command -v docker >/dev/null; then
    compile_ahead=yes
    command -v go >/dev/null || packages+=(golang-go)
fi
# Debian splits these modules off.
if [ ! -x .venv/bin/pip ] && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    [ $may_install = yes ] || fail "Python's venv module is missing: run \`sudo apt-get install python3-venv\`"
    packages+=(python3-venv)
fi
if [ ${#packages[@]} -gt 0 ]; then
    echo "==> installing ${packages[*]} from the distribution"
    log=$(mktemp)
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${packages[@]}"; } \
        >"$log" 2>&1 || fail "\`apt-get install ${packages[*]}\` failed: $(reason "$log")"
    rm -f "$log"
fi
if [ $compile_ahead = yes ]; then
    logs=${SLIDEGENIE_CACHE:-$HOME/.cache/slidegenie}/logs
    mkdir -p "$logs"
    # Should it fail, the build that needs it says why. A script's background jobs ignore Ctrl-C unless told otherwise.
    env --default-signal=INT nice scripts/build-go-module.sh docker/airgap/docker-plugins --compile \
        </dev/null >"$logs/docker-plugins.log" 2>&1 &
fi
if [ ! -x .venv/bin/pip ]; then "$python" -m venv --clear .venv; fi
echo "==> installing the locked Python packages of $1"
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement "$1"
