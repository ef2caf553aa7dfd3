#!/bin/sh
# Lists the monitored channels as key=value lines. epics2kafkactl does it.
set -u

usage() {
    cat <<'END'
Usage: list-monitored.sh
The brokers are BOOTSTRAP_SERVERS, else those of the service's configuration.
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin h "$@"
exec "$client" list
