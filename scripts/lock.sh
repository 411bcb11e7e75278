#!/usr/bin/env bash
# Renews requirements*.txt from requirements*.in: exact versions with hashes, and no address of where they came from.
set -euo pipefail
cd "$(dirname "$0")/.."

# A local wheel folder would end up in the files.
unset PIP_FIND_LINKS UV_FIND_LINKS
uv=$(command -v uv || echo .venv/bin/uv)
[ -x "$uv" ] || .venv/bin/pip install --quiet uv
for name in requirements requirements-dev docker/backend/requirements{,-build,-dev} docker/backup/requirements docker/airgap/traefik/requirements tests/tools/{sslyze,schemathesis}; do
    "$uv" pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
        --custom-compile-command 'make lock' --output-file "$name.txt" "$name.in"
done
