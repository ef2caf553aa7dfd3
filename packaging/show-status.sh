#!/bin/sh
# Prints the connector's status as JSON, as Kafka Connect has it; a worker is a task. Exit code 0, 6 degraded, 3 not running.
set -u

usage() {
    cat <<'END'
Usage: show-status.sh [-i INSTANCE]
  -i  the instance of that name
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin i:h "$@"

status=$(ask status --connect)
code=$?
if [ -n "$status" ]; then
    if command -v jq >/dev/null; then printf '%s\n' "$status" | jq .; else printf '%s\n' "$status"; fi
fi
exit $code
