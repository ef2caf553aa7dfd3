#!/bin/sh
# Deletes the command topic, and with it all that it commands.
set -u

usage() {
    cat <<'END'
Usage: delete-topics.sh [-i INSTANCE] [-y]
  -i  the instance of that name
  -y  without asking
The brokers are BOOTSTRAP_SERVERS, else those of the service's configuration.
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin i:yh "$@"

ask delete-topics ${yes:+"$yes"}
