#!/usr/bin/env bash
# Builds the images of the backend: scripts/build-images.sh --help
#
# The work is done in Python, from the same table as the Pulumi components (components/variants.py).
set -euo pipefail
cd "$(dirname "$0")/.."

# Standard output is for the result.
if [ ! -x .venv/bin/python ]; then scripts/bootstrap.sh requirements.txt >&2; fi
exec .venv/bin/python -m components.cli.build_images "$@"
