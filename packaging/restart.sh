#!/bin/sh
# Restarts the workers; each drains first.
set -u

usage() {
    cat <<'END'
Usage: restart.sh [-i INSTANCE]
  -i  the instance of that name
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin i:h "$@"

ask restart --all
