#!/usr/bin/env python3
"""Measure slates that the large model decodes: by kind of cache, and by way of choosing; build_registry.py reads the result.

Compared with the ten best of one ranking. `next ten` is the share of a user's next ten items that the slate of ten holds.
"""

import argparse
import json
import sys

import numpy as np

from tandem_tools import data, slates
from tandem_tools.commands import say
from tandem_tools.decoder import CACHES
from tandem_tools.paths import checkpoint_folder

COUNT = 10


def sample(sequences, every):
    """(prompt, older, next ten) of every so many events of each user."""
    return [(*slates.prompt_of(items, index, COUNT), items[index:index + COUNT].tolist())
            for user, items in sequences.items() for index in range(1 + (user // 10) % every, len(items) - COUNT, every)]


def sampler(temperature, top, seed):
    """Chooses among the `top` best by softmax(score / temperature)."""
    random = np.random.default_rng(seed)

    def choose(items, scores):
        weights = np.exp((scores[:top] - scores[0]) / temperature)
        return int(random.choice(items[:top], p=weights / weights.sum()))
    return choose


def greedy(items, _scores):
    """The best."""
    return int(items[0])


def measure(requests, beamed):
    """{way: metrics}."""
    def decoded(kind, choose):
        return slates.worth(requests, [slate for begin in range(0, len(requests), 32)
                                       for slate in slates.decode_slates(kind, requests[begin:begin + 32], COUNT, choose)])
    found = {"ranking, ten best": slates.worth(requests, [slate for begin in range(0, len(requests), 32)
                                                          for slate in slates.listed_slates(requests[begin:begin + 32], COUNT)])}
    for cache in CACHES:
        found[f"greedy, {cache} cache"] = decoded(cache, greedy)
        say(f"{cache}: {found[f'greedy, {cache} cache']}")
    for temperature in (0.5, 1.0):
        found[f"sampled, temperature {temperature}, top 20"] = decoded("fp32", sampler(temperature, 20, 1))
    some = requests[::max(1, len(requests) // beamed)]
    found[f"greedy, {len(some)} of them"] = slates.worth(some, [slate for begin in range(0, len(some), 32)
                                                             for slate in slates.decode_slates("fp32", some[begin:begin + 32], COUNT, greedy)])
    found[f"beam of 4, {len(some)} of them"] = slates.worth(some, slates.beam_slates(some, COUNT, 4))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python3 tools/validate_decoder.py --every 64")
    parser.add_argument("--every", type=int, default=64, help="of how many events one is asked (default 64)")
    parser.add_argument("--beamed", type=int, default=400, help="requests that are decoded with a beam too (default 400)")
    arguments = parser.parse_args()
    try:
        requests = sample(data.protocol("released").test, arguments.every)
        found = measure(requests, arguments.beamed)
    except (FileNotFoundError, data.DataMissing) as error:
        say(f"error: {error}")
        return 2
    for way, metrics in found.items():
        print(f"{way}: HR@10 {metrics['hitRateAt10']:.4f}, NDCG@10 {metrics['ndcgAt10']:.4f}, next ten {metrics['nextTenCovered']:.4f} ({metrics['count']})")
    (checkpoint_folder() / "decoder.json").write_text(json.dumps({"every": arguments.every, "ways": found}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
