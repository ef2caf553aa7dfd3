#!/bin/sh
# Starts the service by systemd. One that runs already and is paused goes on.
set -u

usage() {
    cat <<'END'
Usage: start.sh [-i INSTANCE]
  -i  the instance of that name
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin i:h "$@"

ask health >/dev/null 2>&1
case $? in
    0 | 1 | 6)
        ask resume >/dev/null || exit
        echo "epics2kafka runs"
        exit 0
        ;;
    3) ;;
    *)
        ask health
        exit
        ;;
esac
unit=epics2kafka${instance:+@$instance}.service
if ! command -v systemctl >/dev/null; then
    echo "$script: no systemd is here to start $unit; start it yourself: epics2kafka-supervisor${instance:+ --instance $instance}" >&2
    exit 1
fi
exec systemctl start "$unit"
