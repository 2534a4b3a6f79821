"""MovieLens-1M as sequences of item ids, and the two protocols.

literature  all users; the last item of each is the test target (leave-one-out). While a recipe is
            being chosen the last but one is the validation target and the last is not looked at.
released    users whose number is divisible by 10 are held out whole (demo and bench replay them);
            users whose number leaves 5 when divided by 50 validate and calibrate. Neither is trained on.
"""

from dataclasses import dataclass

import numpy as np

from .paths import cache_folder

ITEMS = 3883
HELD_OUT_EVERY = 10
CALIBRATION_EVERY, CALIBRATION_REST = 50, 5


class DataMissing(Exception):
    """The data set is not in the cache."""


@dataclass(frozen=True)
class Protocol:
    """What a training may see: {user: items}, and on what it is judged."""

    name: str
    train: dict
    validation: dict
    validation_targets: int | None  # the last so many items of each user; None is all
    test: dict


def load_sequences():
    """Return {user number: int32 array of item ids in time order}."""
    path = cache_folder() / "ml-1m" / "interactions.tsv"
    if not path.exists():
        raise DataMissing(f"{path} is missing. Run: python3 tools/fetch_data.py")
    table = np.loadtxt(path, dtype=np.int64, delimiter="\t")
    users, starts = np.unique(table[:, 0], return_index=True)
    parts = np.split(table[:, 1].astype(np.int32), starts[1:])
    return dict(zip(users.tolist(), parts))


def held_out(user):
    """True for the users that demo and bench replay."""
    return user % HELD_OUT_EVERY == 0


def without_last(sequences, count):
    """Drop the last `count` items of every sequence."""
    return {user: items[:-count] for user, items in sequences.items() if len(items) > count}


def literature(sequences, choosing):
    """Leave-one-out over all users; `choosing` judges on the last but one item and never sees the last."""
    if choosing:
        return Protocol("choosing", without_last(sequences, 2), without_last(sequences, 1), 1, {})
    return Protocol("literature", without_last(sequences, 1), sequences, 1, sequences)


def calibrating(user):
    """True for the users that validate and calibrate the released models."""
    return user % CALIBRATION_EVERY == CALIBRATION_REST


def released(sequences):
    """Whole sequences of the users that are neither held out nor calibrating."""
    def keep(wanted):
        return {user: items for user, items in sequences.items() if wanted(user)}
    train = keep(lambda user: not held_out(user) and not calibrating(user))
    return Protocol("released", train, keep(calibrating), None, keep(held_out))


def popular_items(sequences, count=100):
    """The `count` most interacted items, most first, smaller id first where they tie: the answer for unknown users."""
    interactions = np.bincount(np.concatenate(list(sequences.values())), minlength=ITEMS + 1)
    return np.argsort(-interactions, kind="stable")[:count].tolist()


def protocol(name):
    """Load the data and cut it by the protocol's name."""
    sequences = load_sequences()
    if name == "released":
        return released(sequences)
    return literature(sequences, choosing=name == "choosing")
