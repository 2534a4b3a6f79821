"""Fitting the small model's confidence, and how well calibrated it is."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from .evaluation import chunks_of, pad, seen_time
from .graphs import TOP, Confidence


def expected_calibration_error(confidence, correct, bins=15):
    """ECE with bins of equal mass (Naeini et al. 2015; Nixon et al. 2019): mean |confidence - accuracy|."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(confidence[part].mean() - correct[part].mean()) for part in parts) / len(order))


@torch.no_grad()
def agreement(small_score, large_score, sequences, targets, batch=64):
    """Per target: features [n, 4], whether both models rank the same item first [n], ranks of the target.

    The small model's TOP unseen items are the candidates; the large model picks among them.
    Returns features, agree, small's rank, large's rank among the candidates (-1: not a candidate).
    """
    rows = []
    listed = chunks_of(sequences, targets)
    for begin in range(0, len(listed), batch):
        group = listed[begin:begin + batch]
        history = torch.from_numpy(pad([sequences[user][start:end - 1] for user, start, _first, end in group]))
        small, large = small_score(history), large_score(history)
        for row, (user, start, first, end) in enumerate(group):
            positions = torch.arange(first - 1 - start, end - 1 - start)
            rows.append(compare(small(row, positions), large(row, positions), sequences[user], start, first, end))
    return tuple(np.concatenate(parts) for parts in zip(*rows))


def compare(small, large, items, start, first, end):
    """agreement() for the targets of one window; score arrays are [targets, catalogue + 1]."""
    known = torch.arange(first, end)
    seen = torch.from_numpy(seen_time(items, small.shape[1] - 1))[None, :] < known[:, None]
    values, candidates = small.masked_fill(seen, -1e4).topk(TOP, dim=1)
    ranked = large.gather(1, candidates)
    wanted = torch.from_numpy(items[first:end].astype(np.int64))[:, None]
    found = candidates == wanted
    rank_small = torch.where(found.any(1), found.float().argmax(1), -1)
    better = (ranked > ranked.gather(1, found.float().argmax(1, keepdim=True))).sum(1)
    rank_large = torch.where(found.any(1), better, -1)
    features = Confidence.features(values, (known - start).float())
    return features.numpy(), (ranked.argmax(1) == 0).numpy(), rank_small.numpy(), rank_large.numpy()


def fit(features, agree):
    """Logistic regression; returns (weights, bias)."""
    scale = features.std(axis=0) + 1e-9
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features / scale, agree)
    return (model.coef_[0] / scale).tolist(), float(model.intercept_[0])


def predict(features, weights, bias):
    """Probabilities [n]."""
    return 1.0 / (1.0 + np.exp(-(features @ np.asarray(weights) + bias)))


def hit_rate(ranks):
    """Share of targets among the first ten; -1 is a miss."""
    return float(((ranks >= 0) & (ranks < 10)).mean())


def coverage(confidence, rank_small, rank_large, shares=(0.05, 0.1, 0.2, 0.3, 0.5)):
    """HR@10 lost when the surest share of requests skips the large model."""
    whole = hit_rate(rank_large)
    order = np.argsort(-confidence, kind="stable")
    table = []
    for share in shares:
        skipped = np.zeros(len(order), dtype=bool)
        skipped[order[:int(share * len(order))]] = True
        kept = hit_rate(np.where(skipped, rank_small, rank_large))
        table.append({"skipped": share, "threshold": float(confidence[order[int(share * len(order)) - 1]]),
                      "hitRateAt10Lost": whole - kept})
    return table
