#!/bin/sh
# scsynth on a JACK server of its own, without a sound card: scsynth.sh OPTIONS...
# In a namespace with its own /dev/shm. All JACK servers of a user share a database there,
# which each one that starts makes anew: they would end each other's clients, and those of
# whoever plays on this machine. Who ends `unshare` ends all that is in it.
set -eu
if [ "${IN_NAMESPACE-}" = "" ]; then
    IN_NAMESPACE=yes exec unshare --map-root-user --mount --pid --fork --kill-child "$0" "$@"
fi
mount -t tmpfs tmpfs /dev/shm
export JACK_DEFAULT_SERVER=oscbridge JACK_NO_START_SERVER=1
jackd -r -n "$JACK_DEFAULT_SERVER" -t 2000 -d dummy -r 48000 -p 1024 &
jackd=$!
tries=0
until jack_wait -s "$JACK_DEFAULT_SERVER" -c 2>/dev/null | grep -qx running; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "jackd did not start" >&2; exit 1; }
    sleep 0.05
done
status=0
scsynth "$@" || status=$?
kill "$jackd"
wait "$jackd" || true
exit "$status"
