#!/bin/sh
# The contract of the official image: a configuration file is served, any other arguments go to the registry.
set -e

case ${1:-} in
    *.yaml | *.yml) exec registry serve "$@" ;;
    serve | garbage-collect | help | -*) exec registry "$@" ;;
    *) exec "$@" ;;
esac
