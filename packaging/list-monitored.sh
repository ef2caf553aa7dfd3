#!/bin/sh
# Lists the monitored channels as key=value lines. epics2kafkactl does it.
set -u

usage() {
    cat <<'END'
Usage: list-monitored.sh
The brokers are BOOTSTRAP_SERVERS, else those of the service's configuration.
END
}

find_client() {
    here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
    for folder in "$here" "$here/../bin" "$here/../../../bin" "$here/../build/release/bin" "$here/../build/ci/bin" "$here/../build/dev/bin"; do
        if [ -x "$folder/epics2kafkactl" ]; then
            echo "$folder/epics2kafkactl"
            return
        fi
    done
    command -v epics2kafkactl && return
    echo "$(basename -- "$0"): epics2kafkactl is neither beside this script nor in its ../bin or ../../../bin nor on PATH" >&2
    exit 1
}

if [ "${1:-}" = -h ]; then
    usage
    exit 0
fi
if [ $# -ne 0 ]; then
    echo "list-monitored.sh: $1 is not expected" >&2
    usage >&2
    exit 2
fi
client=$(find_client) || exit 1
exec "$client" list
