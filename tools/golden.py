#!/usr/bin/env python3
"""Write models/golden.json: fixed inputs of the FP32 graphs and what onnxruntime gives for them.

Inputs are item ids and pixels only. Engines in other languages check themselves against it
(tolerance 1e-4).
"""

import argparse
import json
import sys

import numpy as np

from tandem_tools import checkpoints, digits_models
from tandem_tools.commands import say
from tandem_tools.measure import open_graph
from tandem_tools.paths import MODELS
from tandem_tools.runtime import run

TOLERANCE = 1e-4
HISTORIES = [[1], [1180, 593, 2203, 604, 34, 1098], list(range(100, 230, 2)), list(range(2000, 2128))]
CANDIDATES = [[1, 2, 3, 4, 5], [10, 20, 30, 40, 0], [3000, 2000, 1000, 0, 0], [7, 77, 777, 1777, 3777]]
EXCLUDE = [[0, 0], [1, 2], [5, 0], [3, 4]]


def pad(rows):
    """Right-padded int32 [batch, longest]."""
    out = np.zeros((len(rows), max(map(len, rows))), dtype=np.int32)
    for place, row in enumerate(rows):
        out[place, :len(row)] = row
    return out


def tensor(value):
    """{type, shape, data} with flat data; floats to 7 significant digits."""
    value = np.asarray(value)
    flat = value.reshape(-1)
    data = [float(f"{entry:.7g}") for entry in flat] if value.dtype.kind == "f" else flat.tolist()
    return {"type": str(value.dtype), "shape": list(value.shape), "data": data}


def case(model, graph, inputs):
    """One case: which graph, its inputs, its outputs."""
    outputs = run(open_graph(model, graph, "fp32"), **inputs)
    return {"model": model, "precision": "fp32", "graph": graph, "inputs": {name: tensor(value) for name, value in inputs.items()},
            "outputs": {name: tensor(value) for name, value in outputs.items()}}


def short(row, length):
    """The first items of one fixed history, as a batch of one."""
    return pad([HISTORIES[row][:length]])


def cached_case():
    """Prefill all but the last item of the second history, step the last; the scores equal rank's.

    The pool is described by its parts, since it is mostly zeros: slots, positions, and the slot the
    prefilled keys and values go to.
    """
    history, candidates = HISTORIES[1], pad(CANDIDATES[1:2])
    prefill = run(open_graph("recommend-large", "prefill", "fp32"), history=pad([history[:-1]]), candidates=candidates)
    config = checkpoints.load("large", "released")[0].config
    pool = np.zeros((3, 2 * config.layers, config.key_value_heads, config.max_length, config.head_width), dtype=np.float32)
    pool[2, :, :, :len(history) - 1] = prefill["kv"][0]
    step = run(open_graph("recommend-large", "step", "fp32"), item=np.array(history[-1:], dtype=np.int32),
               pastLength=np.array([len(history) - 1], dtype=np.int32), slot=np.array([2], dtype=np.int32), pool=pool, candidates=candidates)
    rank = run(open_graph("recommend-large", "rank", "fp32"), history=pad([history]), candidates=candidates)
    assert np.abs(step["scores"] - rank["scores"]).max() <= TOLERANCE
    return {"history": history, "candidates": candidates[0].tolist(), "slots": 3, "slot": 2, "positions": config.max_length,
            "scores": tensor(step["scores"])}


def golden():
    """All cases."""
    full = {"history": pad(HISTORIES), "candidates": pad(CANDIDATES)}
    wide = {"history": pad(HISTORIES), "exclude": pad(EXCLUDE)}
    pixels = digits_models.splits()["test"][0][:4]
    cases = [case("recommend-small", "candidates", wide), case("recommend-large", "catalogue", wide), case("recommend-large", "rank", full),
             case("recommend-large", "prefill", {"history": short(1, 2), "candidates": pad(CANDIDATES[1:2])})]
    cases += [case(model, "classify", {"pixels": pixels}) for model in ("digits-small", "digits-large", "digits-top", "digits-bottom")]
    return {"tolerance": TOLERANCE, "cases": cases, "cachedStep": cached_case()}


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                            epilog="example: python3 tools/golden.py").parse_args()
    try:
        content = golden()
    except FileNotFoundError as error:
        say(f"error: {error}")
        return 2
    (MODELS / "golden.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
    say(f"wrote models/golden.json ({(MODELS / 'golden.json').stat().st_size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
