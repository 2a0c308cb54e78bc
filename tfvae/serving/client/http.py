"""HTTP requests with one deadline for all of their steps, and answers of a bounded size."""

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

_WAIT_FOR_END = 1.0  # seconds


@dataclass(frozen=True)
class Response:
    """An HTTP response.

    Args:
        status: such as 200.
        location: where a redirect leads, or "".
        body: its bytes, as they were sent.
        complete: whether that is all of it; else it had more bytes than allowed.
    """

    status: int
    location: str
    body: bytes
    complete: bool


class Http:
    """Connections that stay open and are shared by threads.

    The deadline covers all of a request, from the name of the host to the last byte of the answer, which libraries that
    wait in the calling thread do not offer: they bound the time between two bytes. So requests run in an event loop in
    a thread. Redirects are not followed; compression and cookies are not accepted.

    Args:
        proxy: its URL, if there is one on the way.
    """

    def __init__(self, proxy: str | None = None):
        self._proxy = proxy
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_run, args=(self._loop,), name="serving-http", daemon=True)
        thread.start()
        self._session = asyncio.run_coroutine_threadsafe(_session(), self._loop).result()
        # A client that nobody closes ends with the last reference to it.
        self._finalizer = weakref.finalize(self, _end, self._loop, self._session, thread)

    def request(self, method: str, url: str, body: bytes | None, *, timeout: float, limit: int) -> Response:
        """The response to a request.

        Args:
            url: with its path quoted.
            timeout: seconds for all of it.
            limit: of the body, in bytes.

        Raises:
            TimeoutError: if the time is over.
            aiohttp.ClientError, OSError, ValueError: if there is no connection, or the answer is not HTTP.
            asyncio.CancelledError: if it was closed.
        """
        if not self._finalizer.alive:
            raise asyncio.CancelledError
        return asyncio.run_coroutine_threadsafe(self._exchange(method, url, body, timeout, limit), self._loop).result()

    def close(self) -> None:
        self._finalizer()

    async def _exchange(self, method: str, url: str, body: bytes | None, timeout: float, limit: int) -> Response:
        target = URL(url, encoded=True)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        async with (
            asyncio.timeout(timeout),
            self._session.request(
                method, target, data=body, headers=headers, proxy=self._proxy, allow_redirects=False
            ) as response,
        ):
            parts, size = [], 0
            async for part in response.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > limit:
                    response.close()
                    break
            location = response.headers.get("Location", "")
            return Response(response.status, location, b"".join(parts)[:limit], size <= limit)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # the client bounds its requests
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_headers=128,
    )


def _end(loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession, thread: threading.Thread) -> None:
    """Cancels requests under way, closes their connections, and ends the thread."""

    async def end() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await session.close()
        loop.stop()

    def start(coroutine: Coroutine[Any, Any, None]) -> None:
        tasks.append(loop.create_task(coroutine))

    tasks: list[asyncio.Task] = []
    loop.call_soon_threadsafe(start, end())
    if threading.current_thread() is not thread:
        thread.join(_WAIT_FOR_END)
