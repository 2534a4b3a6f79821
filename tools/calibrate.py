#!/usr/bin/env python3
"""Fit the small model's confidence on the released models and measure its calibration."""

import argparse
import json
import sys

import torch

from tandem_tools import checkpoints, confidence, data
from tandem_tools.commands import say
from tandem_tools.evaluation import torch_scorer
from tandem_tools.paths import checkpoint_folder


def calibrate(every):
    """Fit on the calibrating users, measure on the held-out users; neither was trained on."""
    protocol = data.protocol("released")
    small, large = (torch_scorer(checkpoints.load(kind, "released")[0]) for kind in ("small", "large"))
    say("collecting agreement of the calibrating users ...")
    features, agree, _small, _large = confidence.agreement(small, large, protocol.validation, protocol.validation_targets)
    weights, bias = confidence.fit(features, agree)
    say("measuring on held-out users ...")
    test = {user: items for user, items in protocol.test.items() if user % every == 0}
    features, agree, rank_small, rank_large = confidence.agreement(small, large, test, None)
    predicted = confidence.predict(features, weights, bias)
    return {"method": "logistic regression on margin, log share, entropy of the top 100 and log history length",
            "parameters": {"weights": weights, "bias": bias},
            "ece": confidence.expected_calibration_error(predicted, agree),
            "agreement": float(agree.mean()), "requests": int(len(agree)),
            "shareAbove0.95": float((predicted >= 0.95).mean()), "largestConfidence": float(predicted.max()),
            "hitRateAt10": {"small": confidence.hit_rate(rank_small), "large on small's top 100": confidence.hit_rate(rank_large)},
            "coverage": confidence.coverage(predicted, rank_small, rank_large)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog="example: python3 tools/calibrate.py")
    parser.add_argument("--every", type=int, default=10, help="measure on users divisible by this; a multiple of 10 (default 10: all held out)")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        result = calibrate(arguments.every)
    except (FileNotFoundError, data.DataMissing) as error:
        say(f"error: {error}")
        return 2
    (checkpoint_folder() / "confidence.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
