"""The README agrees with the code."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge import Message, encode_message
from oscbridge.testing import PluginReadme, check_configuration, free_port, running_process
from oscbridge_nats import headers, subjects
from oscbridge_nats.options import NATSOptions, NATSRoute, NATSSubscription

README = PluginReadme(Path(__file__).parent.parent / "README.md")


@pytest.mark.parametrize("sample", README.blocks("toml"))
def test_sample_configurations_are_valid(sample: str, tmp_path: Path) -> None:
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, NATSOptions) for options in endpoints.values())


TABLES: list[tuple[str, type[oscbridge.Options]]] = [
    ("| key |", NATSOptions),
    ("| key in a route |", NATSRoute),
    ("| key of a subscription |", NATSSubscription),
]


@pytest.mark.parametrize(("head", "model"), TABLES)
def test_table_lists_every_key_with_its_default(head: str, model: type[oscbridge.Options]) -> None:
    README.check_options(head, model, defaults={"servers": '`"nats://127.0.0.1:4222"`'})


def values_of(packets: list[bytes]) -> set[bytes]:
    return {packet[-4:] for packet in packets}


async def test_ingest_and_worker_work_as_written(cluster: Any, tmp_path: Path) -> None:
    """But for the addresses."""
    _, ingest, worker = README.blocks("toml")
    tcp, env = free_port(), {"XDG_STATE_HOME": str(tmp_path)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(("127.0.0.1", 0))
        out.settimeout(30)

        def here(text: str) -> str:
            for number, node in enumerate(cluster.nodes[:2], 1):
                text = text.replace(f"nats://10.0.0.{number}:4222", node.url)
            text = text.replace("0.0.0.0:9001", f"127.0.0.1:{tcp}")
            return text.replace("10.0.0.9:8000", f"127.0.0.1:{out.getsockname()[1]}")

        folders = [tmp_path / "ingest", tmp_path / "worker"]
        for folder in folders:
            folder.mkdir()
        with (
            running_process(here(worker), env=env, folder=folders[1]),
            running_process(here(ingest), env=env, folder=folders[0]) as first,
            socket.create_connection(("127.0.0.1", tcp)) as sender,
        ):
            packets = [encode_message(Message.of("/mixer/1/fader", n)) for n in range(100)]
            for packet in packets:
                sender.sendall(struct.pack(">I", len(packet)) + packet)
            found: list[bytes] = []
            while values_of(found) != values_of(packets):
                found.append(await asyncio.to_thread(out.recv, 1_024))
            assert list(dict.fromkeys(found)) == packets
            assert first.stop(signal.SIGTERM, 10) == 0


BOUNDS = [
    f"at most {subjects.MAX_SUBJECT:,} bytes",
    f"more than {headers.MAX_HOPS} bridges",
]


@pytest.mark.parametrize("text", BOUNDS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README.text


@pytest.mark.parametrize(
    ("address", "subject"), [("/a//b", "osc.a.%.b"), ("fader/1", "osc.%_fader.1")]
)
def test_escapes_are_those_of_the_code(address: str, subject: str) -> None:
    assert subjects.subject_of(address, "osc") == subject
