"""Byte strings that are not pictures, or almost, sent to `encode_bytes`: a decoder must refuse or read each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tfvae.serving.client.client import Client
from tfvae.serving.errors import ServingError


def random_strings(count: int, seed: int = 0, longest: int = 4_000) -> Iterator[bytes]:
    """Random strings of random lengths; two of three begin like a PNG or a JPEG, so that a decoder reads further."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        yield (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")[i % 3] + rng.bytes(int(rng.integers(longest)))


def mutated_pictures(pictures: Sequence[bytes], count: int, seed: int = 0) -> Iterator[bytes]:
    """Files of pictures in which 1 to 16 bytes are replaced by random ones; every third is also cut short."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        content = bytearray(pictures[i % len(pictures)])
        for place in rng.integers(len(content), size=rng.integers(1, 17)):
            content[place] = rng.integers(256)
        yield bytes(content if i % 3 else content[: rng.integers(len(content))])


def sent(client: Client, contents: Iterable[bytes]) -> Counter[str]:
    """Sends each string in a request of its own, and counts the answers by status; "OK" if the codes are finite."""
    counts: Counter[str] = Counter()
    for content in contents:
        try:
            client.predict("encode_bytes", {"image_bytes": [content]})
        except ServingError as error:
            counts[error.code.name] += 1
        else:
            counts["OK"] += 1
    return counts
