#!/usr/bin/env python3
"""Make the FP16 and INT8 variants of the recommend models and put all variants into models/.

INT8 scales are fixed from histories of the calibrating users, which are neither trained on nor
replayed. validate.py measures the result, build_registry.py releases it.
"""

import argparse
import shutil
import sys

import numpy as np

from tandem_tools import data, quantise, requests
from tandem_tools.commands import say
from tandem_tools.paths import MODELS, build_folder

GRAPHS = {"recommend-large": ["rank", "catalogue", "prefill", "step"], "recommend-small": ["candidates"]}
# The product with the item table stays FP32 in every precision: one file serves all.
SHARED = {"recommend-large": ["listing"], "recommend-small": []}
OBSERVED = {"recommend-large": "prefill", "recommend-small": "candidates"}


def calibration_batches(model, every=24):
    """Inputs of the observed graph from the calibrating users."""
    chosen = requests.sample(data.protocol("released").validation, every)
    for group, history, exclude in requests.batches(chosen):
        if model == "recommend-small":
            yield {"history": history, "exclude": exclude}
        else:
            yield {"history": history, "candidates": np.ones((len(group), 1), dtype=np.int32)}


def variants(model):
    """Write FP32, FP16 and INT8 of every graph of `model` into models/."""
    built, target = build_folder(model), MODELS / model
    target.mkdir(parents=True, exist_ok=True)
    ranges = quantise.observe(built / f"{OBSERVED[model]}.fp32.onnx", calibration_batches(model))
    for graph in SHARED[model]:
        shutil.copyfile(built / f"{graph}.fp32.onnx", target / f"{graph}.fp32.onnx")
    for graph in GRAPHS[model]:
        source = built / f"{graph}.fp32.onnx"
        shutil.copyfile(source, target / f"{graph}.fp32.onnx")
        quantise.to_fp16(source, target / f"{graph}.fp16.onnx")
        quantise.to_int8(source, target / f"{graph}.int8.onnx", ranges)
        say(f"{model} {graph}: " + ", ".join(f"{path.name} {path.stat().st_size:,}" for path in sorted(target.glob(f"{graph}.*"))))


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                            epilog="example: python3 tools/optimise.py").parse_args()
    try:
        for model in GRAPHS:
            variants(model)
    except (FileNotFoundError, data.DataMissing) as error:
        say(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
