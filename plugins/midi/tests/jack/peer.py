"""A JACK MIDI client for the tests: ``peer.py NAME``.

Has an input and an output port. Prints "ready", then each received message in hexadecimal.
Sends each line of hexadecimal on standard input.
"""

import sys

import mido


def main() -> None:
    backend = mido.Backend("mido.backends.rtmidi/UNIX_JACK", use_environ=False)
    name = sys.argv[1]

    def show(message: mido.Message) -> None:
        print(message.hex(), flush=True)

    with (
        backend.open_input("in", virtual=True, client_name=f"{name} reads", callback=show),
        backend.open_output("out", virtual=True, client_name=f"{name} writes") as output,
    ):
        print("ready", flush=True)
        for line in sys.stdin:
            output.send(mido.Message.from_hex(line))


if __name__ == "__main__":
    main()
