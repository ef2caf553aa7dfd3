#!/bin/sh
# Prints the configuration that is in effect, secrets as ***: the running service's file, else the usual one.
set -u

usage() {
    cat <<'END'
Usage: show-configuration.sh [-i INSTANCE]
  -i  the instance of that name
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin i:h "$@"

program=$(dirname -- "$client")/epics2kafka-supervisor
[ -x "$program" ] || program=epics2kafka-supervisor
path=$(ask --json status 2>/dev/null | sed -n 's/.*"config":{"path":"\([^"]*\)".*/\1/p')
if [ -n "$path" ]; then set -- --config "$path"; fi
exec "$program" ${instance:+"--instance=$instance"} "$@" --check
