#!/bin/sh
# Makes the command topic, compacted. Connect's own topics are not needed.
set -u

usage() {
    cat <<'END'
Usage: create-topics.sh [-i INSTANCE]
  -i  the instance of that name
The brokers are BOOTSTRAP_SERVERS, else those of the service's configuration.
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin i:h "$@"

ask create-topics
