#!/bin/sh
# The contract of the official image: options and configuration files go to the server, anything else is run as it is.
set -e

case ${1:-} in
    -* | *.conf) set -- redis-server "$@" ;;
esac

# What the server writes is nobody else's.
if [ "$1" = redis-server ] && [ "$(umask)" = 0022 ]; then
    umask 0077
fi

exec "$@"
