"""Ranking accuracy over the whole catalogue of unseen items, on windows as served."""

import numpy as np
import torch

from .windows import MAX_LENGTH, evaluation_chunks

METRICS = ("hitRateAt10", "ndcgAt10")


def rank_metrics(ranks):
    """HR@10 and NDCG@10 of 0-based ranks; one relevant item each (Jarvelin & Kekalainen 2002)."""
    ranks = np.asarray(ranks)
    hits = ranks < 10
    gains = np.where(hits, 1.0 / np.log2(ranks + 2.0), 0.0)
    return {"hitRateAt10": float(hits.mean()), "ndcgAt10": float(gains.mean()), "count": int(ranks.size)}


def chunks_of(sequences, targets):
    """List (user, start, first target, end); `targets` limits to the last so many items, None is all."""
    listed = []
    for user, items in sequences.items():
        first = 1 if targets is None else max(1, len(items) - targets)
        listed += [(user, *chunk) for chunk in evaluation_chunks(len(items), first)]
    return sorted(listed, key=lambda chunk: chunk[3] - chunk[1])


def pad(parts):
    """Stack int arrays into [batch, longest], right-padded with 0."""
    out = np.zeros((len(parts), max(len(part) for part in parts)), dtype=np.int32)
    for row, part in enumerate(parts):
        out[row, :len(part)] = part
    return out


def seen_time(items, catalogue):
    """[catalogue + 1]: the index at which each item was consumed, or a large number; padding counts as seen."""
    time = np.full(catalogue + 1, 1 << 30, dtype=np.int64)
    time[items[::-1]] = np.arange(len(items))[::-1]
    time[0] = -1
    return time


def target_ranks(scores, items, first, end):
    """0-based ranks of targets items[first:end] among unseen items; scores [end - first, catalogue + 1]."""
    known = torch.arange(first, end)
    seen = torch.from_numpy(seen_time(items, scores.shape[1] - 1))[None, :] < known[:, None]
    scores = scores.masked_fill(seen, -torch.inf)
    wanted = torch.from_numpy(items[first:end].astype(np.int64))
    return (scores > scores.gather(1, wanted[:, None])).sum(dim=1)


@torch.no_grad()
def evaluate(score, sequences, targets=None, batch=64):
    """Ranks over all chosen targets as (metrics, {user: ranks}).

    `score` maps item ids [batch, length] to a function row, positions -> scores [positions, catalogue + 1].
    """
    by_user = {}
    listed = chunks_of(sequences, targets)
    for begin in range(0, len(listed), batch):
        group = listed[begin:begin + batch]
        parts = [sequences[user][start:end - 1] for user, start, _first, end in group]
        scored = score(torch.from_numpy(pad(parts)))
        for row, (user, start, first, end) in enumerate(group):
            positions = torch.arange(first - 1 - start, end - 1 - start)
            ranks = target_ranks(scored(row, positions), sequences[user], first, end)
            by_user.setdefault(user, []).append(ranks.numpy())
    return rank_metrics(np.concatenate([ranks for parts in by_user.values() for ranks in parts])), by_user


def torch_scorer(model):
    """A `score` for evaluate() from a torch model."""
    table = model.item_table().detach().float()
    bias = getattr(model, "item_bias", None)

    def score(items):
        states = model(items).float()

        def scored(row, positions):
            scores = states[row, positions] @ table.T
            return scores if bias is None else scores + bias
        return scored
    return score


assert MAX_LENGTH == 128
