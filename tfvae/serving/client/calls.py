"""The requests of one call of a client: their deadline, their attempts, and their end after an error."""

import random
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import TypeVar

import grpc

from tfvae.serving.errors import ServingError

Result = TypeVar("Result")
_REQUEST = 60.0  # seconds for a request of a call that has no deadline
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds


class Call:
    """Sends requests until one fails for good or the deadline passes; threads share it.

    Args:
        seconds: for all requests together. None is 60 seconds for each of them, with its attempts.
        attempts: how often a request is sent at most.
    """

    def __init__(self, seconds: float | None, attempts: int):
        self.begin = time.monotonic()
        self.error: BaseException | None = None
        self._deadline = None if seconds is None else self.begin + seconds
        self._attempts = attempts
        self._lock = threading.Lock()
        self._failed = threading.Event()

    def fail(self, error: BaseException) -> None:
        """Ends the call with its first error: no further request starts."""
        with self._lock:
            self.error = self.error or error
        self._failed.set()

    def send(self, request: Callable[[float], Result]) -> Result:
        """Runs a request with the seconds that it has, and again after a transient error.

        Raises:
            ServingError: of the last attempt; DEADLINE_EXCEEDED, or CANCELLED if another request failed.
        """
        deadline = time.monotonic() + _REQUEST if self._deadline is None else self._deadline
        for attempt in count(1):
            if self._failed.is_set():
                raise ServingError(grpc.StatusCode.CANCELLED, "Another request of the call failed.")
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "The time of the call was over.")
            try:
                return request(seconds)
            except ServingError as error:
                pause = random.uniform(0, min(_FIRST_WAIT * 2 ** (attempt - 1), _LONGEST_WAIT))
                if not error.temporary or attempt == self._attempts or time.monotonic() + pause >= deadline:
                    raise
            self._failed.wait(pause)
        raise AssertionError("count has no end")
