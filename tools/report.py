#!/usr/bin/env python3
"""Rewrite the measured tables of models/README.md from what the other tools measured.

Replaces what stands between <!-- measured: begin --> and <!-- measured: end -->.
"""

import argparse
import json
import sys

from tandem_tools import checkpoints
from tandem_tools.commands import say
from tandem_tools.paths import MODELS, checkpoint_folder

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NAMES = {"small": "small (candidates)", "large": "large (whole catalogue)", "full": "small's top 100 re-ranked by large"}


def read(name):
    """A measurement file, or None where that step has not run."""
    path = checkpoint_folder() / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def table(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def pair(metrics):
    """HR@10 and NDCG@10 as two cells."""
    return [f"{metrics['hitRateAt10']:.4f}", f"{metrics['ndcgAt10']:.4f}"]


def literature_section(found):
    """Leave-one-out results."""
    if not found:
        return "Leave-one-out: not trained in this build."
    rows = [[NAMES[kind], f"{found['parameters'][kind]:,}" if kind in found["parameters"] else "", *pair(found[kind])] for kind in NAMES]
    recipes = "\n".join(f"- {kind}: `{recipe}`" for kind, recipe in found["recipes"].items())
    return (f"`python3 tools/literature.py`, {found['large']['count']:,} users:\n\n"
            + table(["leave-one-out", "parameters", "HR@10", "NDCG@10"], rows) + f"\n\nTrained by:\n{recipes}")


def served_section(validation):
    """Released models by precision, as served."""
    rows = [[NAMES[kind], precision, *pair(metrics)] for kind in NAMES for precision, metrics in validation["accuracy"][kind].items()]
    return (f"`python3 tools/validate.py --every {validation['every']}`, {validation['requests']:,} requests of held-out users, "
            "by onnxruntime from the committed graphs:\n\n" + table(["as served", "precision", "HR@10", "NDCG@10"], rows))


def every_event_section():
    """Released checkpoints over every event and over the last one of each held-out user."""
    rows = []
    for kind in ("small", "large"):
        _model, notes = checkpoints.load(kind, "released")
        rows += [[NAMES[kind], f"{which} ({metrics['count']:,})", *pair(metrics)] for which, metrics in notes["metrics"].items()]
    recipes = "\n".join(f"- `{checkpoints.load(kind, 'released')[1]['recipe']}`" for kind in ("large", "small"))
    return ("The same models in FP32 over every event and over the last event of each held-out user, printed by the "
            f"trainings themselves:\n\n{table(['held-out users', 'events', 'HR@10', 'NDCG@10'], rows)}\n\nTrained by:\n{recipes}")


def time_section(validation):
    """Milliseconds a request."""
    rows = []
    for graph, by_precision in validation["milliseconds"].items():
        rows.append([graph, *(f"{times['batch1']:.3f} / {times['batch32'] / 32:.3f}" for times in by_precision.values())])
    return ("`python3 tools/validate.py`, onnxruntime on the CPU, one thread, milliseconds a request at batch 1 / 32, over real "
            "histories (73 items on average; `step` over pools of 128 positions):\n\n" + table(["graph", "fp32", "fp16", "int8"], rows))


PATHS = {"small alone": ("small", ["recommend-small candidates"]),
         "small, then large on its 100, whole history": ("full", ["recommend-small candidates", "recommend-large rank"]),
         "small, then large on its 100, cached step": ("full", ["recommend-small candidates", "recommend-large step"]),
         "large on the whole catalogue, whole history": ("large", ["recommend-large catalogue"])}


def path_section(validation):
    """Accuracy against milliseconds for whole ways to answer."""
    rows = []
    for name, (kind, graphs) in PATHS.items():
        for precision in ("fp32", "int8"):
            times = [validation["milliseconds"][graph][precision] for graph in graphs]
            cost = f"{sum(time['batch1'] for time in times):.3f} / {sum(time['batch32'] for time in times) / 32:.3f}"
            rows.append([name, precision, *pair(validation["accuracy"][kind][precision]), cost])
    return ("Accuracy against cost, both from the same command:\n\n"
            + table(["way to answer", "precision", "HR@10", "NDCG@10", "ms a request at batch 1 / 32"], rows))


def confidence_section(found):
    """Calibration and what skipping the large model costs."""
    rows = [[f"{row['skipped']:.0%}", f"{row['threshold']:.3f}", f"{100 * row['hitRateAt10Lost']:.2f}"] for row in found["coverage"]]
    return (f"`python3 tools/calibrate.py`, {found['requests']:,} requests of held-out users. Both models name the same best item for "
            f"{found['agreement']:.1%}; expected calibration error {found['ece']:.4f} (15 bins of equal mass); {found['shareAbove0.95']:.2%} of "
            f"requests reach a confidence of 0.95, the largest is {found['largestConfidence']:.3f}.\n\n"
            + table(["surest requests that skip the large model", "their lowest confidence", "points of HR@10 lost"], rows))


def numeric_section(validation):
    """Batch mates and cached steps."""
    rows = [[precision, f"{validation['batchMates'][precision]['largestDifference']:.2g}",
             f"{validation['batchMates'][precision]['scoreDeviation']:.2f}",
             f"{validation['cachedParity'][precision]['largestDifference']:.2g}" if precision in validation["cachedParity"] else ""]
            for precision in validation["batchMates"]]
    return ("`python3 tools/validate.py`, large model:\n\n"
            + table(["precision", "largest change of a score by its batch mates", "standard deviation of the scores",
                     "largest difference of cached steps from the whole history"], rows))


def digits_section(found):
    """Digits classifiers and their cascade."""
    variants = [(model, precision, entry) for model, by_precision in found.items() if model != "ensemble" for precision, entry in by_precision.items()]
    rows = [[model, precision, f"{entry['accuracy']:.4f}", f"{entry['ece']:.4f}",
             f"{entry['millisecondsPerRequest']['batch1']:.3f} / {entry['millisecondsPerRequest']['batch32']:.4f}"]
            for model, precision, entry in variants]
    small = found["digits-small"]["fp32"]
    return ("`python3 tools/digits.py`, 360 test images:\n\n"
            + table(["model", "precision", "accuracy", "ECE", "ms a request at batch 1 / 32"], rows)
            + f"\n\nCascade at confidence 0.95 (FP32): {small['skippedAt0.95']:.1%} of images skip the large model, accuracy "
            f"{small['cascadeAccuracyAt0.95']:.4f}; the confidence's calibration error is {small['confidenceEce']:.4f}. "
            f"The two half-image members averaged: {found['ensemble']['accuracy']:.4f}.")


def sections():
    """All measured sections as Markdown."""
    validation = read("validation")
    if validation is None:
        raise FileNotFoundError("no measurements in the cache. Run: python3 tools/build_models.py --quick")
    parts = [("Leave-one-out, for comparison with the literature", literature_section(read("literature"))),
             ("Released models on held-out users", served_section(validation) + "\n\n" + every_event_section()),
             ("Time", time_section(validation) + "\n\n" + path_section(validation)), ("Confidence of the small model", confidence_section(read("confidence"))),
             ("Batch mates and cached steps", numeric_section(validation)), ("Digits", digits_section(read("digits")))]
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                            epilog="example: python3 tools/report.py").parse_args()
    target = MODELS / "README.md"
    try:
        text = target.read_text()
        before, _found, rest = text.partition(BEGIN)
        _old, marker, after = rest.partition(END)
        if not marker:
            raise FileNotFoundError(f"{target} lacks the lines {BEGIN} and {END}")
        target.write_text(f"{before}{BEGIN}\n\n{sections()}\n\n{END}{after}")
    except FileNotFoundError as error:
        say(f"error: {error}")
        return 2
    say(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
