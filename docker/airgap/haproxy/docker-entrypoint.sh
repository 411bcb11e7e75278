#!/bin/sh
# The contract of the official image: options go to HAProxy, which runs as master and worker in the foreground; anything
# else is run as it is.
set -e

case ${1:-} in
    -*) exec haproxy -W -db "$@" ;;
    haproxy) shift; exec haproxy -W -db "$@" ;;
    *) exec "$@" ;;
esac
