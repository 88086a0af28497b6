#!/bin/sh
# Runs a JACK server without a sound card, prints "ready", and runs until it is killed.
#
# It runs in a namespace with its own /dev/shm: all JACK servers of a user share a database there,
# which each new server resets, so they would end each other's clients and those of other users of
# this machine. Killing `unshare` with SIGKILL (it ignores SIGTERM) ends everything in the namespace.
# Other programs enter it with `nsenter`.
set -eu
if [ "${IN_NAMESPACE-}" = "" ]; then
    IN_NAMESPACE=yes exec unshare --map-root-user --mount --pid --fork --kill-child "$0" "$@"
fi
mount -t tmpfs tmpfs /dev/shm
mount -t proc proc /proc
# No client may have the server's name: their sockets would be one.
export JACK_DEFAULT_SERVER=tests JACK_NO_START_SERVER=1
serve() {
    jackd -r -n "$JACK_DEFAULT_SERVER" -t 2000 -d dummy -r 48000 -p 1024 &
    jackd=$!
    echo "$jackd" > /dev/shm/jackd.pid
}
serve
tries=0
until jack_wait -s "$JACK_DEFAULT_SERVER" -c 2>/dev/null | grep -qx running; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "jackd did not start" >&2; exit 1; }
    sleep 0.05
done
echo ready
while :; do # one that is killed is started again, as people do
    wait "$jackd" || true
    until [ -e /dev/shm/again ]; do sleep 0.05; done
    rm /dev/shm/again
    serve
done
