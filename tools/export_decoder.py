#!/usr/bin/env python3
"""Export the large model's decoder graphs into models/, one for each kind of cache, without weights of their own.

The weights are those of the released step and listing, which the graphs name as external data. Run optimise.py first.
"""

import argparse
import sys
import warnings

import torch

from tandem_tools import checkpoints, decoder, export, sharing
from tandem_tools.commands import say
from tandem_tools.paths import MODELS

OUTPUTS = ["items", "scores", "kv"]


def export_cache(model, cache, folder):
    """Write the graph for one kind of cache; returns its path."""
    inputs = decoder.example_inputs(model.config, cache)
    path = folder / f"{decoder.DECODE_GRAPHS[cache]}.fp32.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(decoder.Decode(model).eval(), tuple(inputs.values()), str(path), dynamo=False, opset_version=export.OPSET,
                          input_names=list(inputs), output_names=OUTPUTS,
                          dynamic_axes={name: decoder.AXES[name] for name in (*inputs, *OUTPUTS)})
    export.fold(path)
    export.name_sizes(path, model.config)
    return path


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                            epilog="example: python3 tools/export_decoder.py").parse_args()
    folder = MODELS / "recommend-large"
    try:
        model, _notes = checkpoints.load("large", "released")
        donors = [folder / f"{name}.fp32.onnx" for name in ("step", "listing")]
        for cache in decoder.CACHES:
            path = export_cache(model, cache, folder)
            saved = sharing.share_weights(path, donors)
            say(f"wrote {path} ({path.stat().st_size:,} bytes; {saved:,} are those of {', '.join(donor.name for donor in donors)})")
    except FileNotFoundError as error:
        say(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
