"""A server of PyPI pymidi: ``pymidi_server.py PORT``. Prints events as lines."""

from __future__ import annotations

import sys
from typing import Any

from pymidi import server  # type: ignore[import-untyped]


class Printer(server.Handler):  # type: ignore[misc]
    def on_peer_connected(self, peer: Any) -> None:
        print(f"connected {peer.name}", flush=True)

    def on_peer_disconnected(self, peer: Any) -> None:
        print("disconnected", flush=True)

    def on_midi_commands(self, peer: Any, command_list: Any) -> None:
        for command in command_list:
            params = command.params
            if command.command in ("note_on", "note_off"):
                numbers = (int(params.key), params.velocity)
            elif command.command == "control_mode_change":
                numbers = (params.controller, params.value)
            else:
                continue
            print(f"{command.command} {command.channel} {numbers[0]} {numbers[1]}", flush=True)


def main() -> None:
    found = server.Server([("127.0.0.1", int(sys.argv[1]))])
    found.add_handler(Printer())
    print("ready", flush=True)
    found.serve_forever()


if __name__ == "__main__":
    main()
