#!/bin/sh
# The contract of the official image: every argument goes to MinIO, also where its name was left out.
set -e

[ "${1:-}" = minio ] || set -- minio "$@"

exec "$@"
