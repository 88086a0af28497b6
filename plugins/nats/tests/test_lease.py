"""Leases in a bucket of JetStream, at real servers."""

from __future__ import annotations

import os
import re
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import KeyWrongLastSequenceError

import oscbridge
from oscbridge.testing import free_port, running_process
from oscbridge.testing.process import PROGRAM, OscbridgeProcess
from oscbridge_nats.endpoint import NATSEndpoint
from oscbridge_nats.lease import ANSWER_TIMEOUT, BUCKET, MAX_SECONDS, LeaseBucket
from oscbridge_nats.options import NATSOptions
from plugins.nats.tests.conftest import StartServer, Watch
from tests.support.nats_cluster import NATSServer

SECONDS = 10.0


class Clock:
    """The time of one bridge."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_another_holder_waits_until_the_lease_has_not_changed_for_its_time(
    server: NATSServer, watch: Watch
) -> None:
    client = (await watch(server)).client
    clock = Clock()
    main, backup = await first_holder(client), LeaseBucket(1, clock)
    assert (await backup.acquire(client, "main", "b", SECONDS)) == ("a", SECONDS)
    clock.now += SECONDS - 1
    assert (await main.acquire(client, "main", "a", SECONDS)).holder == "a"  # renewed
    clock.now += 2
    assert (await backup.acquire(client, "main", "b", SECONDS)) == ("a", SECONDS)
    clock.now += SECONDS
    assert (await backup.acquire(client, "main", "b", SECONDS)).holder == "b"
    assert (await main.acquire(client, "main", "a", SECONDS)).holder == "b"
    assert (await main.find(client, "main", SECONDS)).holder == "b"


async def first_holder(client: Client) -> LeaseBucket:
    """The bucket of the bridge ``a``, which has the lease ``main``.

    A missing lease lasts for as long as one that nobody renews.
    """
    clock = Clock()
    bucket = LeaseBucket(1, clock)
    assert (await bucket.acquire(client, "main", "a", SECONDS)) == ("", SECONDS)
    clock.now += SECONDS
    assert (await bucket.acquire(client, "main", "a", SECONDS)).holder == "a"
    return bucket


async def test_a_renewal_that_comes_late_is_refused(server: NATSServer, watch: Watch) -> None:
    client = (await watch(server)).client
    clock = Clock()
    await first_holder(client)
    backup = LeaseBucket(1, clock)
    bucket = await client.jetstream().key_value(BUCKET)
    old = (await bucket.get("main")).revision
    await backup.acquire(client, "main", "b", SECONDS)
    clock.now += SECONDS
    assert (await backup.acquire(client, "main", "b", SECONDS)).holder == "b"
    with pytest.raises(KeyWrongLastSequenceError):  # it was on its way all the time
        await bucket.update("main", b'{"holder": "a", "seconds": 10.0}', last=old)


async def test_a_renewal_whose_answer_was_lost_is_adopted(server: NATSServer, watch: Watch) -> None:
    client = (await watch(server)).client
    main = await first_holder(client)
    bucket = await client.jetstream().key_value(BUCKET)
    revision = (await bucket.get("main")).revision
    await bucket.update("main", b'{"holder": "a", "seconds": 10.0}', last=revision)
    assert (await main.acquire(client, "main", "a", SECONDS)).holder == "a"


class SlowNetwork(Client):
    """A connection to a server on which some requests of a holder arrive late."""

    def __init__(self) -> None:
        super().__init__()
        self.late = 0
        """Earlier writes that arrive just before the next ones."""
        self.timeouts: set[float] = set()

    async def request(self, subject: str, payload: bytes = b"", *args: Any, **more: Any) -> Msg:
        self.timeouts.add(args[0] if args else more["timeout"])
        if self.late and subject == f"$KV.{BUCKET}.main":
            self.late -= 1
            await super().request(subject, payload, timeout=5)
        return await super().request(subject, payload, *args, **more)


@pytest.fixture
async def slow(server: NATSServer) -> AsyncIterator[SlowNetwork]:
    client = SlowNetwork()
    await client.connect(server.url)
    yield client
    await client.close()


async def test_a_lease_is_renewed_after_an_earlier_request_arrives_late(slow: SlowNetwork) -> None:
    await first_holder(slow)
    slow.late = 1
    main = LeaseBucket(1)
    assert (await main.acquire(slow, "main", "a", SECONDS)) == ("a", SECONDS)
    slow.late = 2
    with pytest.raises(oscbridge.EndpointError, match="an earlier request is still on its way"):
        await LeaseBucket(1).acquire(slow, "main", "a", SECONDS)
    assert (await main.acquire(slow, "main", "a", SECONDS)).holder == "a"


async def test_requests_of_a_longer_lease_wait_longer(slow: SlowNetwork) -> None:
    bucket = LeaseBucket(1)
    await bucket.acquire(slow, "main", "a", 2)
    slow.timeouts.clear()
    await bucket.acquire(slow, "main", "a", 20)
    assert slow.timeouts == {20 * ANSWER_TIMEOUT}


async def test_a_released_lease_is_granted_at_once(server: NATSServer, watch: Watch) -> None:
    client = (await watch(server)).client
    main, backup = await first_holder(client), LeaseBucket(1)
    await backup.release(client, "main", "b", SECONDS)  # it does not have it
    assert (await backup.acquire(client, "main", "b", SECONDS)).holder == "a"
    await main.release(client, "main", "a", SECONDS)
    assert (await backup.acquire(client, "main", "b", SECONDS)).holder == "b"


async def test_a_deleted_lease_may_still_have_a_holder(server: NATSServer, watch: Watch) -> None:
    client = (await watch(server)).client
    clock = Clock()
    await first_holder(client)
    backup = LeaseBucket(1, clock)
    bucket = await client.jetstream().key_value(BUCKET)
    await bucket.delete("main")
    assert (await backup.acquire(client, "main", "b", SECONDS)) == ("", SECONDS)
    clock.now += SECONDS
    assert (await backup.acquire(client, "main", "b", SECONDS)).holder == "b"


async def test_a_bucket_that_refuses_entries_is_a_problem_all_the_time(
    server: NATSServer, watch: Watch
) -> None:
    watcher = await watch(server)
    await watcher.js.create_key_value(KeyValueConfig(bucket=BUCKET, max_value_size=10))
    clock = Clock()
    bucket = LeaseBucket(1, clock)
    assert (await bucket.acquire(watcher.client, "main", "a", SECONDS)) == ("", SECONDS)
    clock.now += SECONDS
    for _ in range(3):
        with pytest.raises(oscbridge.EndpointError, match="message size exceeds maximum"):
            await bucket.acquire(watcher.client, "main", "a", SECONDS)


async def test_a_deleted_bucket_is_created_again_and_its_leases_are_waited_for(
    server: NATSServer, watch: Watch
) -> None:
    watcher = await watch(server)
    clock = Clock()
    main, backup = await first_holder(watcher.client), LeaseBucket(1, clock)
    assert (await backup.acquire(watcher.client, "main", "b", SECONDS)).holder == "a"
    await watcher.js.delete_key_value(BUCKET)
    for bucket, holder in ((main, "a"), (backup, "b")):
        if bucket is backup:
            assert (await bucket.acquire(watcher.client, "main", holder, SECONDS)).holder == ""
            clock.now += SECONDS
        with pytest.raises(oscbridge.EndpointError):
            await bucket.acquire(watcher.client, "main", holder, SECONDS)
    assert (await backup.acquire(watcher.client, "main", "b", SECONDS)) == ("", SECONDS)
    clock.now += SECONDS
    assert (await backup.acquire(watcher.client, "main", "b", SECONDS)).holder == "b"
    assert (await main.acquire(watcher.client, "main", "a", SECONDS)).holder == "b"


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b"[]", b"{}", b'{"holder": "x"}', b'{"holder": "x", "seconds": "soon"}',
     b'{"holder": "x", "seconds": 1e300}', b'{"holder": "x", "seconds": null}'],
)  # fmt: skip
async def test_an_entry_of_another_program_is_waited_for(
    server: NATSServer, watch: Watch, value: bytes
) -> None:
    client = (await watch(server)).client
    backup = LeaseBucket(1)
    await backup.find(client, "main", SECONDS)  # creates the bucket
    bucket = await client.jetstream().key_value(BUCKET)
    await bucket.put("main", value)
    lease = await backup.acquire(client, "main", "b", SECONDS)
    assert lease.holder in ("x", "an unknown holder")
    assert lease.seconds == pytest.approx(MAX_SECONDS, abs=5)


async def test_the_bucket_is_created_on_disk_and_an_existing_one_is_not_altered(
    start_server: StartServer, watch: Watch
) -> None:
    line = 'jetstream { store_dir: "store" }'
    client = (await watch(await start_server(line))).client
    await LeaseBucket(1).find(client, "main", SECONDS)
    info = await client.jetstream().stream_info(f"KV_{BUCKET}")
    assert info.config.storage == StorageType.FILE
    assert info.config.max_age == 86_400
    other = (await watch(await start_server(line))).client
    mine = KeyValueConfig(bucket=BUCKET, history=7, storage=StorageType.MEMORY)
    await other.jetstream().create_key_value(mine)
    await LeaseBucket(1).find(other, "main", SECONDS)
    info = await other.jetstream().stream_info(f"KV_{BUCKET}")
    assert (info.config.max_msgs_per_subject, info.config.storage) == (7, StorageType.MEMORY)


async def test_a_server_without_jetstream_is_explained(
    start_server: StartServer, watch: Watch
) -> None:
    client = (await watch(await start_server())).client
    with pytest.raises(oscbridge.EndpointError, match=f"bucket '{BUCKET}': JetStream"):
        await LeaseBucket(1).acquire(client, "main", "a", SECONDS)


def test_main_and_backup_do_not_share_messages() -> None:
    durable = {"subject": "osc.>", "durable": "workers"}
    options = NATSOptions.model_validate({"stream": "show", "subscribe": [durable]})
    problem = NATSEndpoint.lease_problem(options)
    assert problem.startswith("main and backup would share the messages of 'workers'")
    assert NATSEndpoint.lease_problem(NATSOptions()) == ""


# --- the program ---------------------------------------------------------------------------------

CONFIGURATION = """
[run]
leader = {{ endpoint = "hub" }}

[http]
listen = "127.0.0.1:{port}"

[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.hub]
type           = "nats"
servers        = "{url}"
default_routes = false

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:9"

[[route]]
from = "stage"
to   = "out"
"""


class Running:
    """A bridge that runs, and commands that attach to it."""

    def __init__(self, process: OscbridgeProcess, env: dict[str, str], port: int) -> None:
        self.process = process
        self._env = {**os.environ, **env, "NO_COLOR": "1"}
        self._port = port

    def command(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *args], env=self._env, capture_output=True, text=True, check=False, timeout=30
        )

    def readyz(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=10) as answer:
            return str(answer.read().decode())


@contextmanager
def running(url: str, folder: Path) -> Iterator[Running]:
    folder.mkdir()
    port = free_port()
    env = {"OSCBRIDGE_RUNTIME_DIR": str(folder)}
    text = CONFIGURATION.format(url=url, port=port)
    with running_process(text, env=env, folder=folder) as process:
        yield Running(process, env, port)


async def test_the_program_shows_its_role_and_hands_over(
    server: NATSServer, tmp_path: Path
) -> None:
    with running(server.url, tmp_path / "a") as main:
        name = main.process.wait_for(r"this bridge delivers now, as (\S+)")[1]
        with running(server.url, tmp_path / "b") as backup:
            backup.process.wait_for(f"{name} delivers; this bridge stands by")
            shown = backup.command("leader").stdout
            assert re.search(rf"role +standby, for \d+ s\nname .*\nleader +{name}\n", shown), shown
            assert backup.readyz() == f"ready\nrole: standby; {name} delivers\n"
            assert main.readyz() == "ready\nrole: leader\n"
            assert backup.command("health").stdout == "ready\n"
            top = backup.command("top", "--once").stdout
            assert f"standby; {name} delivers" in top.splitlines()[0], top
            refused = backup.command("leader", "--hand-over")
            assert refused.returncode == 1
            assert f"{name} does; hand over there" in refused.stderr
            done = main.command("leader", "--hand-over")
            assert re.fullmatch(r"\S+ delivers now\n", done.stdout), done
            backup.process.wait_for("this bridge delivers now")
            assert main.readyz().startswith("ready\nrole: standby; ")
        main.process.wait_for("this bridge delivers now")  # the other one has stopped


async def test_a_bridge_without_a_backup_has_no_role(tmp_path: Path) -> None:
    text = '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'
    env = {"OSCBRIDGE_RUNTIME_DIR": str(tmp_path)}
    with running_process(text, env=env) as process:
        alone = Running(process, env, 0)
        for args in (["leader"], ["leader", "--hand-over"]):
            done = alone.command(*args)
            assert done.returncode == 2
            assert "this bridge has no backup: set 'leader' in [run]" in done.stderr
