"""Requests as served: windows of held-out users' histories with what they must predict."""

from dataclasses import dataclass

import numpy as np

from . import data
from .evaluation import pad
from .windows import served_start

SAMPLE_EVERY = 16


@dataclass(frozen=True)
class Request:
    """One prediction: the served window, the older items (excluded too) and the item that came next."""

    user: int
    history: np.ndarray
    exclude: np.ndarray
    target: int


def request_of(user, items, index):
    """The request that must predict items[index]."""
    start = served_start(index)
    return Request(user, items[start:index], items[:start], int(items[index]))


def sample(sequences, every=SAMPLE_EVERY):
    """Every so many events of each user, the first offset by the user's number; sorted by length."""
    found = [request_of(user, items, index) for user, items in sequences.items()
             for index in range(1 + (user // data.HELD_OUT_EVERY) % every, len(items), every)]
    return sorted(found, key=lambda request: (len(request.history), len(request.exclude)))


def batches(requests, size=32):
    """Yield (requests, history [batch, length], exclude [batch, excluded])."""
    for begin in range(0, len(requests), size):
        group = requests[begin:begin + size]
        exclude = pad([part.exclude if len(part.exclude) else np.zeros(1, dtype=np.int32) for part in group])
        yield group, pad([part.history for part in group]), exclude


def ranks_in(items, requests):
    """0-based rank of each target in items [batch, listed], or a large number if it is not there."""
    found = items == np.array([request.target for request in requests])[:, None]
    return np.where(found.any(axis=1), found.argmax(axis=1), 1 << 20)
