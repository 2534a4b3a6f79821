"""Which part of a history is served, and how a sequence is cut for training and evaluation.

A history grows step by step up to 2W items and is then rebuilt from its last W, so a cached
prefix equals full recomputation exactly. W is 64 here: all of a history of at most 128 items,
else its last 64 + (n - 64) % 64.
"""

WINDOW = 64
MAX_LENGTH = 2 * WINDOW


def served_start(known):
    """Index of the first served item for a user with `known` interactions."""
    if known <= MAX_LENGTH:
        return 0
    return known - (WINDOW + (known - WINDOW) % WINDOW)


def served_window(history):
    """The served part of a history, oldest first."""
    return history[served_start(len(history)):]


def evaluation_chunks(length, first=1):
    """Cut a sequence of `length` items into the windows that serve its targets.

    Yields (start, first target, end of targets): every target index n in [first target, end) is
    predicted from items [start, n), which is the served window of a user with n interactions.
    """
    known = max(1, first)
    while known < length:
        start = served_start(known)
        end = known
        while end < length and served_start(end) == start:
            end += 1
        yield start, known, end
        known = end


def training_chunks(length, offset):
    """Cut a sequence into consecutive training windows of at most MAX_LENGTH inputs.

    `offset` in [0, MAX_LENGTH) moves the cuts, so that each epoch sees other windows. Yields
    (start, end): inputs are items [start, end), targets items [start + 1, end + 1).
    """
    start = 0
    end = offset if offset > 0 else MAX_LENGTH
    while start < length - 1:
        yield start, min(end, length - 1)
        start, end = end, end + MAX_LENGTH
