#!/usr/bin/env bash
# Builds the images of the backend: scripts/build-images.sh --help
#
# The work is done in Python, from the same table as the Pulumi components (components/images/variants.py).
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")

# Standard output is for the result.
if [ ! -x "$root/.venv/bin/python" ]; then "$root/scripts/bootstrap.sh" requirements.txt >&2; fi
# The working directory stays the caller's: that is where --key points.
PYTHONPATH=$root exec "$root/.venv/bin/python" -m slidegenie build-images "$@"
