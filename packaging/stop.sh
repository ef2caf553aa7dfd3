#!/bin/sh
# Stops the service: what waits is published or kept, and nothing more is received until start.sh.
set -u

usage() {
    cat <<'END'
Usage: stop.sh [-i INSTANCE]
  -i  the instance of that name
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

begin i:h "$@"

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
    echo "$script: the status names no process" >&2
    exit 1
fi
kill -TERM "$pid" || exit 1
seconds=0
# One that has ended may stay as a zombie where nobody waits for it.
while [ -d "/proc/$pid" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null; do
    if [ $seconds -ge 60 ]; then
        echo "$script: the supervisor $pid still drains after $seconds s" >&2
        exit 124
    fi
    sleep 1
    seconds=$((seconds + 1))
done
