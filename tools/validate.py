#!/usr/bin/env python3
"""Measure the released graphs with onnxruntime: accuracy as served on held-out users, milliseconds,
batch-mate dependence, and equality of cached steps with the whole history.

Writes validation.json into the cache; build_registry.py gates on it.
"""

import argparse
import json
import sys

from tandem_tools import checkpoints, data, measure, requests
from tandem_tools.commands import say
from tandem_tools.paths import checkpoint_folder

PRECISIONS = ["fp32", "fp16", "int8"]
GRAPHS = [("recommend-small", "candidates"), ("recommend-large", "rank"), ("recommend-large", "catalogue"),
          ("recommend-large", "prefill"), ("recommend-large", "step")]


def validate(every):
    """All measurements as one dictionary."""
    chosen = requests.sample(data.protocol("released").test, every)
    config = checkpoints.load("large", "released")[0].config.to_dict()
    say(f"accuracy on {len(chosen):,} requests of held-out users ...")
    report = {"requests": len(chosen), "every": every, "accuracy": measure.accuracy(PRECISIONS, chosen)}
    say("milliseconds ...")
    report["milliseconds"] = {f"{model} {graph}": {precision: measure.times(model, graph, precision, chosen, config)
                                                   for precision in PRECISIONS} for model, graph in GRAPHS}
    say("batch mates and cached steps ...")
    rankers = {precision: measure.open_graph("recommend-large", "rank", precision) for precision in PRECISIONS}
    rankers["int8 with dynamic scales (not released)"] = measure.dynamic_int8()
    report["batchMates"] = {name: measure.batch_mate_dependence(opened, chosen) for name, opened in rankers.items()}
    longest = sorted({len(request.history): request.history for request in chosen}.items())
    rows = [history for length, history in longest if length in (3, 9, 17, 40, 66, 90, 127)]
    report["cachedParity"] = {precision: measure.cached_parity(precision, rows) for precision in PRECISIONS}
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python3 tools/validate.py --every 16")
    parser.add_argument("--every", type=int, default=requests.SAMPLE_EVERY, help="use every so many events of each held-out user")
    arguments = parser.parse_args()
    try:
        report = validate(arguments.every)
    except (FileNotFoundError, data.DataMissing) as error:
        say(f"error: {error}")
        return 2
    (checkpoint_folder() / "validation.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
