"""A TCP link that can be cut: nothing passes, nothing is closed, and nothing is lost."""

from __future__ import annotations

import asyncio
import threading
from typing import Final

__all__ = ["CutLink", "LinkLoop"]

CHUNK: Final = 65_536


class LinkLoop:
    """An event loop on a thread, for links."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._links: list[CutLink] = []
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def link(self, target: int) -> CutLink:
        """A link to a port of this machine."""
        link = CutLink(target, self.loop)
        self._links.append(link)
        asyncio.run_coroutine_threadsafe(link.start(), self.loop).result(5)
        return link

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _end(self) -> None:
        for link in self._links:
            link.close()
        await asyncio.sleep(0)  # for connections that are being accepted
        tasks = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in self._links:
            link.abort()
        await asyncio.sleep(0)  # transports close in the next turn of the loop
        await asyncio.sleep(0)


class CutLink:
    """Data that is sent while it is cut arrives afterwards, as after a failure of a switch."""

    def __init__(self, target: int, loop: asyncio.AbstractEventLoop) -> None:
        self.port = 0
        self._target = target
        self._loop = loop
        self._is_whole = asyncio.Event()
        self._is_whole.set()
        self._server: asyncio.Server | None = None
        self._accepted: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Accept no more connections. On the loop."""
        if self._server is not None:
            self._server.close()

    def abort(self) -> None:
        """End the accepted connections. On the loop."""
        for writer in self._accepted:
            writer.transport.abort()

    def cut(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._is_whole.clear)

    def heal(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._is_whole.set)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted.add(writer)  # a task that is cancelled before it begins closes nothing
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_writer = None
        try:
            await self._is_whole.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except* OSError:
            pass
        finally:
            writer.transport.abort()
            self._accepted.discard(writer)
            if far_writer is not None:
                far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._is_whole.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # ends the other direction as well
