#!/usr/bin/env python3
"""What histories longer than the window are worth if they are compressed instead of cut, without training again.

The cache of keys and values is filled with what is older than the window in shortened form, then with the window itself; the
next item is listed after the last. Distances beyond the longest trained one count as that one. Only measured: nothing is released.
"""

import argparse
import sys

import numpy as np

from tandem_tools import data, slates
from tandem_tools.commands import say
from tandem_tools.evaluation import rank_metrics
from tandem_tools.runtime import run
from tandem_tools.windows import MAX_LENGTH, served_start

KEPT_OLD = 16


def keys_and_values(decode, items):
    """[parts, heads, tokens, width] of one history of at most MAX_LENGTH items."""
    result = run(decode, tokens=items[None], pastLength=np.zeros(1, np.int32), blocks=np.zeros((1, 1), np.int32),
                 scored=np.array([[len(items) - 1]], np.int32), exclude=np.zeros((1, 1), np.int32), **slates.Cache("fp32", 1).inputs())
    return result["kv"][0]


def chunks(old):
    """Indices of `old` tokens in KEPT_OLD runs of nearly equal length."""
    return [part for part in np.array_split(np.arange(old), min(KEPT_OLD, old)) if len(part)]


def pooled(kv, old, value_sum):
    """The oldest tokens as few: mean keys, and mean or summed values."""
    mixed = [kv[:, :, part].mean(axis=2) for part in chunks(old)]
    made = np.stack(mixed, axis=2)
    if value_sum:
        made[1::2] *= np.array([len(part) for part in chunks(old)], dtype=np.float32)[None, None, :, None]
    return made


def heaviest(kv, old):
    """The oldest tokens with the largest values, by the length of their vectors in all layers: a stand-in for attention mass."""
    weight = np.linalg.norm(kv[1::2, :, :old], axis=3).sum(axis=(0, 1))
    return kv[:, :, np.sort(np.argsort(-weight)[:KEPT_OLD])]


def listed(decode, summary, window, exclude):
    """The ten best after the window, over a cache that begins with `summary` (or None)."""
    cache = slates.Cache("fp32", 1)
    if summary is not None:
        cache.write(0, summary, summary.shape[2])
    items, _scores = slates.extend(decode, cache, np.array([0]), [window], exclude)
    return items[0].tolist()


def answers(decode, items, index):
    """{way: items listed} for predicting items[index]."""
    start = served_start(index)
    old, window = items[max(0, start - MAX_LENGTH):start], items[start:index]
    exclude = np.zeros((1, 300), dtype=np.int32)
    seen = items[max(0, index - 256):index]
    exclude[0, :len(seen)] = seen
    room = min(KEPT_OLD, MAX_LENGTH - len(window))
    found = {"cut (as served)": listed(decode, None, window, exclude),
             "the newest 128, cut": listed(decode, None, items[max(0, index - MAX_LENGTH):index], exclude)}
    if room < KEPT_OLD:
        window = window[KEPT_OLD - room:]
    kv = keys_and_values(decode, old)
    for way, summary in (("16 means of older ones", pooled(kv, len(old), False)), ("16 means, values summed", pooled(kv, len(old), True)),
                         ("16 heaviest older ones", heaviest(kv, len(old)))):
        found[way] = listed(decode, summary, window, exclude)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python3 tools/measure_long_contexts.py --every 32")
    parser.add_argument("--every", type=int, default=32, help="of how many events one is asked (default 32)")
    arguments = parser.parse_args()
    try:
        sequences = data.protocol("released").test
        decode = slates.open_decoder("fp32")
    except (FileNotFoundError, data.DataMissing) as error:
        say(f"error: {error}")
        return 2
    ranks = {}
    for user, items in sequences.items():
        for index in range(MAX_LENGTH + 1 + user // 10 % arguments.every, len(items), arguments.every):
            if served_start(index) < KEPT_OLD:
                continue
            for way, given in answers(decode, items, index).items():
                ranks.setdefault(way, []).append(given.index(items[index]) if items[index] in given else 1 << 20)
    for way, own in ranks.items():
        metrics = rank_metrics(own)
        print(f"{way}: HR@10 {metrics['hitRateAt10']:.4f}, NDCG@10 {metrics['ndcgAt10']:.4f} ({metrics['count']})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
