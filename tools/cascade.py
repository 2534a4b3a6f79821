#!/usr/bin/env python3
"""Curves of cost against accuracy of both cascades, on real data, against skipping by lot and never skipping.

Thresholds for accuracy floors are chosen on calibrating users (recommend) or images (classify) and checked on
held-out ones. Writes docs/cascade.json; node bench/cascade/draw.ts draws it.
"""

import argparse
import json
import sys

import numpy as np

from tandem_tools import cascade, data, digits_models, measure, requests
from tandem_tools.commands import say
from tandem_tools.confidence import expected_calibration_error
from tandem_tools.paths import MODELS
from tandem_tools.runtime import run

FLOORS = [0.999, 0.995, 0.99, 0.98, 0.95]
TARGET = MODELS.parent / "docs" / "cascade.json"


def per_request(model, precision):
    """Measured ms of a request in a batch of 32, as the registry has it."""
    registry = json.loads((MODELS / "registry.json").read_text())
    found = next(entry for entry in registry["models"] if (entry["model"], entry["precision"]) == (model, precision))
    return found["lineage"]["millisecondsPerRequest"]["batch32"]


def recommend_rows(chosen, precision):
    """(confidence, small right, large right, both agree) of requests: among the first ten; which item is first."""
    small, large = measure.open_graph("recommend-small", "candidates", precision), measure.open_graph("recommend-large", "rank", precision)
    parts = []
    for group, history, exclude in requests.batches(chosen):
        listed = run(small, history=history, exclude=exclude)
        order = np.argsort(-run(large, history=history, candidates=listed["items"])["scores"], axis=1, kind="stable")
        ranked = np.take_along_axis(listed["items"], order, axis=1)
        right = [requests.ranks_in(items, group) < 10 for items in (listed["items"], ranked)]
        parts.append((listed["confidence"], *right, listed["items"][:, 0] == ranked[:, 0]))
    return tuple(np.concatenate(columns) for columns in zip(*parts))


def classify_rows(pixels, labels, precision):
    """The same of images: the label is right; both give the same."""
    small = run(measure.open_graph("digits-small", "classify", precision), pixels=pixels)
    large = run(measure.open_graph("digits-large", "classify", precision), pixels=pixels)
    given = [result["probabilities"].argmax(1) for result in (small, large)]
    return small["confidence"], given[0] == labels, given[1] == labels, given[0] == given[1]


def report(metric, chosen_on, checked_on, costs, thresholds):
    """Everything of one workload."""
    confidence, small, large, agree = checked_on
    small_ms, large_ms = costs
    rows = [{**row, "cost": cascade.cost(row["skipped"], small_ms, large_ms), "random": cascade.random_accuracy(row["skipped"], small, large)}
            for row in cascade.curve(confidence, small, large)]
    floors = []
    for floor in FLOORS:
        threshold = cascade.choose_threshold(*chosen_on[:3], floor)
        floors.append({"floor": floor, "threshold": threshold, **cascade.apply_threshold(threshold, confidence, small, large)})
    fixed = [{"threshold": threshold, **cascade.apply_threshold(threshold, confidence, small, large)} for threshold in thresholds]
    return {"metric": metric, "requests": len(confidence), "chosenOn": len(chosen_on[0]), "small": float(small.mean()), "both": float(large.mean()),
            "agreement": float(agree.mean()), "ece": expected_calibration_error(confidence, agree), "smallMs": small_ms, "largeMs": large_ms,
            "shareAbove0.95": float((confidence >= 0.95).mean()), "fixed": fixed, "floors": floors, "curve": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python3 tools/cascade.py --every 16")
    parser.add_argument("--every", type=int, default=requests.SAMPLE_EVERY, help="use every so many events of each user")
    parser.add_argument("--precision", default="int8")
    arguments = parser.parse_args()
    precision = arguments.precision
    try:
        protocol = data.protocol("released")
    except (FileNotFoundError, data.DataMissing) as error:
        say(f"error: {error}")
        return 2
    say("recommend ...")
    # Those who calibrate are a fifth as many.
    calibrating, held_out = (recommend_rows(requests.sample(users, every), precision)
                             for users, every in ((protocol.validation, max(1, arguments.every // 4)), (protocol.test, arguments.every)))
    costs = [per_request(model, precision) for model in ("recommend-small", "recommend-large")]
    result = {"precision": precision, "recommend": report("HR@10", calibrating, held_out, costs, [0.95])}
    say("classify ...")
    splits = digits_models.splits()
    calibrating, held_out = (classify_rows(*splits[name], precision) for name in ("calibration", "test"))
    costs = [per_request(model, precision) for model in ("digits-small", "digits-large")]
    result["classify"] = report("accuracy", calibrating, held_out, costs, [0.95])
    TARGET.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({name: {key: value for key, value in part.items() if key != "curve"} for name, part in result.items() if name != "precision"}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
