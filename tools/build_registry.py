#!/usr/bin/env python3
"""Gate the variants and write models/registry.json from what the other tools measured.

A variant that loses more than its allowance against FP32 (FP16 1 %, INT8 2 % of the metric) is not
released: its files are removed and it gets no entry.
"""

import argparse
import datetime
import functools
import json
import os
import sys

from tandem_tools import checkpoints, registry
from tandem_tools.commands import say
from tandem_tools.data import ITEMS, popular_items, protocol
from tandem_tools.paths import MODELS, checkpoint_folder
from tandem_tools.windows import MAX_LENGTH, WINDOW

RECOMMEND = {"recommend-small": ("small", ["candidates"]), "recommend-large": ("large", ["rank", "catalogue", "prefill", "step", "listing"])}
HOW = {"fp32": "tools/export_onnx.py", "fp16": "tools/optimise.py (FP16)", "int8": "tools/optimise.py (static INT8)"}


def read(name):
    """A measurement file from the cache."""
    path = checkpoint_folder() / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. Run tools/build_models.py, or the step that writes it.")
    return json.loads(path.read_text())


def lineage(model, precision, recipe, trained_on, parameters, milliseconds):
    """Made from what, by which recipe, at which cost."""
    made_from = None if precision == "fp32" else f"{model} fp32"
    return {"madeFrom": made_from, "recipe": f"{recipe}; {HOW[precision]}", "trainedOn": trained_on, "parameters": parameters,
            "millisecondsPerRequest": milliseconds}


def per_request(times):
    """Milliseconds a request from milliseconds a batch."""
    return {"batch1": round(times["batch1"], 4), "batch32": round(times["batch32"] / 32, 4)}


@functools.cache
def popular():
    """What unknown users are answered with, by the users that were trained on."""
    return popular_items(protocol("released").train)


def recommend_entry(model, precision, version, validation, confidence):
    """One variant of a recommend model, gated."""
    kind, graphs = RECOMMEND[model]
    metrics = validation["accuracy"][kind]
    registry.gate(model, precision, metrics[precision]["ndcgAt10"], metrics["fp32"]["ndcgAt10"])
    trained, notes = checkpoints.load(kind, "released")
    chosen = metrics[precision]
    accuracy = {"metric": "ndcgAt10", "value": round(chosen["ndcgAt10"], 5), "others": {"hitRateAt10": round(chosen["hitRateAt10"], 5)},
                "data": f"ml-1m held-out users (number % 10 == 0), every {validation['every']}th event, {chosen['count']} requests as served",
                "date": version.split(".")[0]}
    made = lineage(model, precision, notes["recipe"], "ml-1m without users whose number % 10 == 0 or % 50 == 5",
                   checkpoints.parameters(trained), per_request(validation["milliseconds"][f"{model} {graphs[0]}"][precision]))
    more = {"catalogue": {"items": ITEMS, "popular": popular()}, "limits": {"maxLength": MAX_LENGTH, "window": WINDOW}}
    if kind == "small":
        more["calibration"] = {"method": confidence["method"], "ece": round(confidence["ece"], 5), "parameters": confidence["parameters"]}
    else:
        config = trained.config
        more["limits"] |= {"layers": config.layers, "heads": config.key_value_heads, "headDim": config.head_width}
    return registry.entry(model, precision, version, "recommend", graphs, accuracy, made, **more)


def decoder_entry(version, measured):
    """The large model as a decoder of slates, with the small one for drafts: graphs without weights of their own."""
    trained, notes = checkpoints.load("large", "released")
    ways, large, small = measured["ways"], "recommend-large", "recommend-small/candidates.fp32.onnx"
    chosen = ways["greedy, fp32 cache"]
    files = {"decode": f"{large}/decode.fp32.onnx", "decodeHalf": f"{large}/decode-half.fp32.onnx", "decodeByte": f"{large}/decode-byte.fp32.onnx", "draft": small}
    accuracy = {"metric": "ndcgAt10", "value": round(chosen["ndcgAt10"], 5),
                "others": {"hitRateAt10": round(chosen["hitRateAt10"], 5), "nextTenCovered": round(chosen["nextTenCovered"], 5)},
                "data": f"ml-1m held-out users (number % 10 == 0), every {measured['every']}th event, {chosen['count']} slates of ten, decoded greedily",
                "date": version.split(".")[0]}
    caches = {cache: {name: round(ways[f"greedy, {cache} cache"][name], 5) for name in ("hitRateAt10", "ndcgAt10", "nextTenCovered")}
              for cache in ("fp16", "int8")}
    config = trained.config
    return {"model": "recommend-decoder", "precision": "fp32", "version": version, "status": "stable", "adapter": "generate",
            "catalogue": {"items": ITEMS, "popular": popular()},
            "limits": {"maxLength": MAX_LENGTH, "window": WINDOW, "layers": config.layers, "heads": config.key_value_heads, "headDim": config.head_width},
            "graphs": {name: registry.file_entry(file) for name, file in files.items()}, "accuracy": accuracy,
            "lineage": {"madeFrom": "recommend-large fp32; drafts: recommend-small fp32", "recipe": f"{notes['recipe']}; tools/export_decoder.py",
                        "parameters": checkpoints.parameters(trained), "accuracyByCache": caches}}


def digits_entry(model, precision, version, measured):
    """One variant of a digits model, gated."""
    found = measured[model][precision]
    registry.gate(model, precision, found["accuracy"], measured[model]["fp32"]["accuracy"])
    accuracy = {"metric": "accuracy", "value": round(found["accuracy"], 5), "others": {},
                "data": "scikit-learn digits, images whose index % 5 == 0", "date": version.split(".")[0]}
    made = lineage(model, precision, "python3 tools/digits.py", "scikit-learn digits, images whose index % 5 > 1", found["parameters"],
                   found["millisecondsPerRequest"])
    ece = found.get("confidenceEce", found["ece"])
    calibration = {"method": "temperature; confidence by logistic regression on the logit margin" if "confidenceEce" in found else "temperature",
                   "ece": round(ece, 5), "parameters": found["calibration"]}
    return registry.entry(model, precision, version, "classify", ["classify"], accuracy, made,
                          labels=[str(label) for label in range(10)], limits={}, calibration=calibration)


def collect(version):
    """Every variant that passes its gate; the others are removed and named."""
    validation, confidence, measured, decoder = read("validation"), read("confidence"), read("digits"), read("decoder")
    wanted = [(recommend_entry, model, precision, (validation, confidence)) for model in RECOMMEND for precision in ("fp32", "fp16", "int8")]
    wanted += [(digits_entry, model, precision, (measured,)) for model in measured if model != "ensemble" for precision in measured[model]]
    entries = []
    for make, model, precision, given in wanted:
        try:
            entries.append(make(model, precision, version, *given))
        except registry.NotReleasable as error:
            say(f"not released: {error}")
            for path in (MODELS / model).glob(f"*.{precision}.onnx"):
                path.unlink()
    return [*entries, decoder_entry(version, decoder)]


def main():
    today = datetime.date.today().isoformat()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"example: python3 tools/build_registry.py --release {today}.1")
    parser.add_argument("--release", default=f"{today}.1", help="version of all entries, DATE.NUMBER")
    arguments = parser.parse_args()
    try:
        entries = collect(arguments.release)
    except FileNotFoundError as error:
        say(f"error: {error}")
        return 2
    temporary = MODELS / "registry.json.new"
    temporary.write_text(json.dumps({"registryVersion": 1, "models": entries}, indent=2) + "\n")
    os.replace(temporary, MODELS / "registry.json")
    say(f"wrote models/registry.json: {len(entries)} variants, {sum({g['file']: g['bytes'] for e in entries for g in e['graphs'].values()}.values()) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
