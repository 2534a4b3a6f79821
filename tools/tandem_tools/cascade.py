"""Curves of a cascade: what skipping the large model costs in accuracy, by confidence, by lot and not at all."""

import numpy as np


def curve(confidence, small_right, large_right, points=101):
    """[{skipped, threshold, accuracy}] from none skipped to all, the surest first.

    `small_right` and `large_right` [n] say whether each request is answered rightly without and with the large model.
    """
    order = np.argsort(-confidence, kind="stable")
    gains = np.concatenate([[0.0], np.cumsum(small_right[order].astype(float) - large_right[order])])
    whole, total = large_right.mean(), len(order)
    rows = []
    for count in np.unique(np.linspace(0, total, points).round().astype(int)):
        threshold = float(confidence[order[count - 1]]) if count else 1.0
        rows.append({"skipped": count / total, "threshold": threshold, "accuracy": float(whole + gains[count] / total)})
    return rows


def random_accuracy(skipped, small_right, large_right):
    """Mean accuracy where as many skip the large model by lot."""
    return float(skipped * small_right.mean() + (1 - skipped) * large_right.mean())


def cost(skipped, small_ms, large_ms):
    """Compute of a request, ms."""
    return small_ms + (1 - skipped) * large_ms


def choose_threshold(confidence, small_right, large_right, floor):
    """The threshold that skips most while mean accuracy stays at `floor` times that of never skipping; 1.0 where none does.

    Every prefix of the surest is tried, from the longest, so noise on the way does not end the search early.
    """
    order = np.argsort(-confidence, kind="stable")
    gains = np.cumsum(small_right[order].astype(float) - large_right[order])
    enough = np.flatnonzero(large_right.sum() + gains >= floor * large_right.sum())
    return float(confidence[order[enough[-1]]]) if len(enough) else 1.0


def apply_threshold(threshold, confidence, small_right, large_right):
    """{skipped, accuracy, relative} of a threshold on other data than it was chosen on."""
    skip = confidence >= threshold
    reached = float(np.where(skip, small_right, large_right).mean())
    return {"skipped": float(skip.mean()), "accuracy": reached, "relative": reached / float(large_right.mean())}
