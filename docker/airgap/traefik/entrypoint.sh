#!/bin/sh
# The contract of the official image: options and subcommands go to Traefik, anything else is run as it is.
set -e

case ${1:-} in
    -* | healthcheck | version) set -- traefik "$@" ;;
esac

exec "$@"
