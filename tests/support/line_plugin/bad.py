"""Endpoints with a mistake."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import oscbridge
from line_plugin.good import Line, LineOptions


class BareOptions(LineOptions):
    colour: str = "red"


class WithBareOption(Line):
    options_type = BareOptions


class OpensSocketWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        socket.socket().close()


class StartsTaskWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        self._task = asyncio.get_running_loop().create_task(asyncio.sleep(0))


class StartsThreadWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()


class StartsProcessWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        subprocess.run([sys.executable, "-S", "-c", ""], check=True)


class OpensFileWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        self._file = Path(__file__).open()  # noqa: SIM115


class ReadsFileWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        self._text = Path("/etc/hostname").read_text(encoding="utf-8")


class RunsCommandWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        os.system("true")


class CallsNoSuper(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        self._writer = None


class RaisesWhenMade(Line):
    def __init__(self, name: str, options: LineOptions) -> None:
        raise LookupError("nothing there")


class DescribesConnectionOnly(Line):
    def describe(self) -> str:
        assert self._writer is not None
        return str(self._writer.get_extra_info("peername"))


class DescribesNothingAfterClose(Line):
    def describe(self) -> str:
        return None if self._writer is None else "there"  # type: ignore[return-value]


class ClosesOnlyWhatIsOpen(Line):
    async def close(self) -> None:
        assert self._writer is not None
        self._writer.close()
        self._writer = None


class ConnectsOnce(Line):
    has_connected = False

    async def connect(self) -> None:
        if self.has_connected:
            raise RuntimeError("cannot be connected again")
        await super().connect()
        self.has_connected = True


class StopsLoop(Line):
    async def connect(self) -> None:
        await super().connect()
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)


class CancelsAllTasks(Line):
    async def connect(self) -> None:
        await super().connect()
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(0)


class ClosesForever(Line):
    async def close(self) -> None:
        await super().close()
        await asyncio.sleep(60)


class SendsToNone(Line):
    async def send(self, message: oscbridge.Message) -> None:
        self._writer.write(b"x\n")  # type: ignore[union-attr]


class SendsToNowhere(Line):
    async def send(self, message: oscbridge.Message) -> None:
        if self._writer is not None:
            await super().send(message)


class RejectsWithoutConnection(Line):
    async def send(self, message: oscbridge.Message) -> None:
        if self._writer is None:
            raise oscbridge.BadMessage("not connected")
        await super().send(message)


class WaitsForConnection(Line):
    async def send(self, message: oscbridge.Message) -> None:
        while self._writer is None:
            await asyncio.sleep(0.01)
        await super().send(message)


class LeavesConnection(Line):
    async def close(self) -> None:
        self._kept = self._writer
        self._writer = None


class LeavesTask(Line):
    async def connect(self) -> None:
        await super().connect()
        self._task = asyncio.create_task(asyncio.sleep(3600))


class LeavesThread(Line):
    async def connect(self) -> None:
        await super().connect()
        threading.Thread(target=time.sleep, args=(8,), daemon=True).start()


class LeavesCallOnThread(Line):
    async def connect(self) -> None:
        await super().connect()
        self._ended = threading.Event()
        self.start_task(asyncio.to_thread(self._ended.wait, 3))


class LeavesFile(Line):
    async def connect(self) -> None:
        await super().connect()
        self._files = [*getattr(self, "_files", []), Path(__file__).open()]  # noqa: SIM115


class LeavesProcess(Line):
    async def connect(self) -> None:
        await super().connect()
        self._process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(8)"])


class Deaf(Line):
    async def _read(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(100):
            pass
        self.host.connection_lost(oscbridge.NotConnected())


class ReceivesOnThread(Line):
    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while await reader.readline():
                await asyncio.to_thread(self.receive, oscbridge.Message("/line"))
        self.host.connection_lost(oscbridge.NotConnected())


class BlocksInSend(Line):
    async def send(self, message: oscbridge.Message) -> None:
        time.sleep(0.2)
        await super().send(message)


class BlocksInC(Line):
    async def connect(self) -> None:
        sum(range(40_000_000))  # other threads cannot run meanwhile
        await super().connect()


class BlocksInUpdate(Line, oscbridge.Reconfigurable[LineOptions]):
    def update(self, options: LineOptions) -> bool:
        time.sleep(0.2)
        return True


class BlocksInCallback(Line):
    async def connect(self) -> None:
        await super().connect()
        asyncio.get_running_loop().call_soon(time.sleep, 0.2)


class HangsInConnect(Line):
    async def connect(self) -> None:
        while True:
            pass


class HidesCancellation(Line):
    async def connect(self) -> None:
        while True:
            try:
                await super().connect()
                await asyncio.sleep(0)
                return
            except asyncio.CancelledError:
                continue


class IgnoresCancellation(Line):
    async def connect(self) -> None:
        await super().connect()
        for _ in range(400):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)


class TurnsCancellationIntoLoss(Line):
    async def connect(self) -> None:
        try:
            await super().connect()
        except asyncio.CancelledError:
            raise oscbridge.NotConnected("cancelled") from None


class LeaksWhenCancelled(Line):
    async def connect(self) -> None:
        sock = socket.create_connection(tuple(self.options.to))
        self._leaked = [*getattr(self, "_leaked", []), sock]
        await asyncio.sleep(0)
        sock.close()
        await super().connect()


class HidesCancellationOfTask(Line):
    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)


class LeaksAtPanic(Line):
    async def connect(self) -> None:
        sock = socket.create_connection(tuple(self.options.to))
        self._leaked = [*getattr(self, "_leaked", []), sock]
        try:
            await asyncio.sleep(0)
        except (Exception, asyncio.CancelledError):
            sock.close()
            raise
        sock.close()
        await super().connect()


class ExitsWithoutPeer(Line):
    async def connect(self) -> None:
        try:
            await super().connect()
        except OSError:
            sys.exit("no peer")


class ExitsAtOddMessages(Line):
    async def send(self, message: oscbridge.Message) -> None:
        if not message.args:
            raise KeyboardInterrupt
        await super().send(message)


class HidesPanic(Line):
    async def connect(self) -> None:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(0)
        await super().connect()


class HidesErrors(Line):
    async def connect(self) -> None:
        _, self._writer = await asyncio.open_connection(*self.options.to)

    async def send(self, message: oscbridge.Message) -> None:
        if self._writer is None:
            raise oscbridge.NotConnected
        self._writer.write(b"x\n")


class BuffersInMemory(Line):
    """Sends what it has collected every now and then."""

    async def connect(self) -> None:
        await super().connect()
        self._collected: list[oscbridge.Message] = []
        self.start_task(self._flush())

    async def send(self, message: oscbridge.Message) -> None:
        if self._writer is None:
            raise oscbridge.NotConnected
        self._collected.append(message)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while await reader.readline():
                self.receive(oscbridge.Message("/line"))

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            try:
                for message in self._collected:
                    await super().send(message)
            except OSError as error:
                self.host.connection_lost(error)
            self._collected.clear()


class DropsHalf(Line):
    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        for message in messages[::2]:
            await self.send(message)


class RaisesOwnErrors(Line):
    async def send(self, message: oscbridge.Message) -> None:
        try:
            await super().send(message)
        except (OSError, oscbridge.NotConnected):
            raise ValueError("no connection") from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        pass


class RejectsWhenPeerIsGone(Line):
    async def send(self, message: oscbridge.Message) -> None:
        try:
            await super().send(message)
        except (OSError, oscbridge.NotConnected):
            raise oscbridge.BadMessage("no connection") from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        pass


class UpdatesNothing(Line, oscbridge.Reconfigurable[LineOptions]):
    def update(self, options: LineOptions) -> bool:  # type: ignore[empty-body]
        pass


class RaisesInUpdate(Line, oscbridge.Reconfigurable[LineOptions]):
    def update(self, options: LineOptions) -> bool:
        raise ZeroDivisionError


class DisconnectsAtUpdate(Line, oscbridge.Reconfigurable[LineOptions]):
    def update(self, options: LineOptions) -> bool:
        self.host.connection_lost(oscbridge.EndpointError("updated"))
        self.options = options.model_copy(update={"to": oscbridge.HostPort("127.0.0.1", 1)})
        return True


class TaskFails(Line):
    async def connect(self) -> None:
        await super().connect()
        asyncio.create_task(self._fail())  # noqa: RUF006

    async def _fail(self) -> None:
        raise LookupError("in a task")


class SendsTwice(Line):
    async def send(self, message: oscbridge.Message) -> None:
        await super().send(message)
        await super().send(message)


class SharesConnection(Line):
    """Keeps its connection in the class, where all endpoints of the type have the same one."""

    connections: ClassVar[list[asyncio.StreamWriter]] = []

    async def connect(self) -> None:
        await super().connect()
        assert self._writer is not None
        self.connections.append(self._writer)

    async def send(self, message: oscbridge.Message) -> None:
        self._writer = self.connections[0] if self.connections else None
        await super().send(message)

    async def close(self) -> None:
        await super().close()
        for writer in self.connections:
            writer.close()
        self.connections.clear()


class ClosesOtherEndpoints(Line):
    """Closes all connections of the type."""

    open_ones: ClassVar[set[asyncio.StreamWriter]] = set()

    async def connect(self) -> None:
        await super().connect()
        assert self._writer is not None
        self.open_ones.add(self._writer)

    async def close(self) -> None:
        await super().close()
        for writer in self.open_ones:
            writer.transport.abort()
        self.open_ones.clear()


class HandlesSignals(Line):
    async def connect(self) -> None:
        await super().connect()
        signal.signal(signal.SIGUSR2, lambda _number, _frame: None)


class ChangesFolder(Line):
    async def connect(self) -> None:
        await super().connect()
        os.chdir("/")


class ConfiguresLogging(Line):
    async def connect(self) -> None:
        await super().connect()
        logging.getLogger().addHandler(logging.NullHandler())


class LimitsAllSockets(Line):
    async def connect(self) -> None:
        await super().connect()
        socket.setdefaulttimeout(10)


class HandlesErrorsOfTheLoop(Line):
    async def connect(self) -> None:
        await super().connect()
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)


class LogsEveryMessage(Line):
    async def send(self, message: oscbridge.Message) -> None:
        await super().send(message)
        self.log.info("sent %s", message.address)


class LogsEveryMessageBelow(Line):
    async def send(self, message: oscbridge.Message) -> None:
        await super().send(message)
        self.log.getChild("wire").info("sent %s", message.address)


class SecretOptions(LineOptions):
    password: oscbridge.Secret | None = None
    """The password."""


class ShowsPassword(Line):
    options_type = SecretOptions

    def describe(self) -> str:
        assert isinstance(self.options, SecretOptions)
        password = self.options.password
        return f"line://{'' if password is None else password.value}@{self.options.to}"


class EndsProcess(Line):
    async def connect(self) -> None:
        os._exit(3)


class ChangesEnvironment(Line):
    async def connect(self) -> None:
        await super().connect()
        os.environ["LINE_PLUGIN"] = "yes"


class ChangesModeOfFiles(Line):
    async def connect(self) -> None:
        await super().connect()
        os.umask(0)


class StopsCollection(Line):
    async def connect(self) -> None:
        await super().connect()
        gc.disable()


class LimitsRecursion(Line):
    async def connect(self) -> None:
        await super().connect()
        sys.setrecursionlimit(sys.getrecursionlimit() + 1)


class ReceivesText(Line):
    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            self.receive(line.decode())  # type: ignore[arg-type]


class LeavesTimer(Line):
    async def connect(self) -> None:
        await super().connect()
        self._tick()

    def _tick(self) -> None:
        asyncio.get_running_loop().call_later(0.01, self._tick)
