#!/usr/bin/env python3
"""Evaluate the leave-one-out trainings: small, large, and small's top 100 re-ranked by large.

Each user's last item is the target; it is ranked among all items that the user has not seen,
from the history window as served. Needs both trainings with --protocol literature.
"""

import argparse
import json
import sys

import torch

from tandem_tools import checkpoints, confidence, data
from tandem_tools.commands import say
from tandem_tools.evaluation import evaluate, rank_metrics, torch_scorer
from tandem_tools.paths import checkpoint_folder


def literature():
    """Metrics of the three ways to answer, with the recipes."""
    protocol = data.protocol("literature")
    loaded = {kind: checkpoints.load(kind, "literature") for kind in ("small", "large")}
    scorers = {kind: torch_scorer(model) for kind, (model, _notes) in loaded.items()}
    report = {kind: evaluate(score, protocol.test, 1)[0] for kind, score in scorers.items()}
    _features, _agree, _small, ranks = confidence.agreement(scorers["small"], scorers["large"], protocol.test, 1)
    ranks[ranks < 0] = 1 << 20
    report["full"] = rank_metrics(ranks)
    report["recipes"] = {kind: notes["recipe"] for kind, (_model, notes) in loaded.items()}
    report["parameters"] = {kind: checkpoints.parameters(model) for kind, (model, _notes) in loaded.items()}
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python3 tools/literature.py")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        report = literature()
    except (FileNotFoundError, data.DataMissing) as error:
        say(f"error: {error}")
        return 2
    (checkpoint_folder() / "literature.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
