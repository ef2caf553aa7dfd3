#!/bin/sh
# Stops the service: what waits is published or kept, and nothing more is received until start.sh.
set -u

usage() {
    cat <<'END'
Usage: stop.sh [-i INSTANCE]
  -i  the instance of that name
END
}

refuse() {
    echo "stop.sh: $1" >&2
    usage >&2
    exit 2
}

find_client() {
    here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
    for folder in "$here" "$here/../bin" "$here/../build/release/bin" "$here/../build/ci/bin" "$here/../build/dev/bin"; do
        if [ -x "$folder/epics2kafkactl" ]; then
            echo "$folder/epics2kafkactl"
            return
        fi
    done
    command -v epics2kafkactl && return
    echo "$(basename -- "$0"): epics2kafkactl is neither beside this script nor in ../bin nor on PATH" >&2
    exit 1
}

instance=''
while getopts ':i:h' option; do
    case $option in
        i) instance=$OPTARG ;;
        h) usage; exit 0 ;;
        :) refuse "-$OPTARG needs a value" ;;
        *) refuse "-$OPTARG is not known" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || refuse "$1 is not expected"
client=$(find_client) || exit 1
ask() { "$client" ${instance:+"--instance=$instance"} "$@"; }

unit=epics2kafka${instance:+@$instance}.service
if command -v systemctl >/dev/null && systemctl is-active --quiet "$unit"; then
    exec systemctl stop "$unit"
fi
# Not by systemd: the supervisor is asked who it is.
status=$(ask --json status)
code=$?
case $code in
    0 | 6) ;;
    3) exit 0 ;;
    *) exit $code ;;
esac
pid=$(printf '%s' "$status" | sed 's/"workers":\[.*//; s/.*"pid":\([0-9]*\).*/\1/')
if [ -z "$pid" ]; then
    echo "stop.sh: the status names no process" >&2
    exit 1
fi
kill -TERM "$pid" || exit 1
seconds=0
# One that has ended may stay as a zombie where nobody waits for it.
while [ -d "/proc/$pid" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null; do
    if [ $seconds -ge 60 ]; then
        echo "stop.sh: the supervisor $pid still drains after $seconds s" >&2
        exit 124
    fi
    sleep 1
    seconds=$((seconds + 1))
done
