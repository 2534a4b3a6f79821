#!/usr/bin/env python3
"""Train, calibrate and export the digits classifiers; write the test split for replay.

Writes models/digits-*/classify.{fp32,int8}.onnx, models/digits-test.json and, in the cache,
digits.json with the measurements that the registry takes over.
"""

import argparse
import json
import sys
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from tandem_tools import checkpoints, digits_models, quantise
from tandem_tools.commands import say
from tandem_tools.confidence import expected_calibration_error
from tandem_tools.export import OPSET, fold
from tandem_tools.paths import MODELS, checkpoint_folder
from tandem_tools.runtime import milliseconds, run, session

WITH_INT8 = ("digits-small", "digits-large")


def export(module, path, confidence):
    """Write one classifier with a dynamic batch."""
    outputs = ["probabilities", "confidence"] if confidence else ["probabilities"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (torch.rand(3, 64) * 16,), str(path), dynamo=False, opset_version=OPSET,
                          input_names=["pixels"], output_names=outputs,
                          dynamic_axes={name: {0: "batch"} for name in ["pixels", *outputs]})
    fold(path)


@torch.no_grad()
def fit_confidence(small, large, pixels):
    """(weight, bias) of the probability that both give the same label, on the calibration split."""
    pixels = torch.from_numpy(pixels)
    logits = small(pixels)
    same = (logits.argmax(1) == large(pixels).argmax(1)).numpy()
    feature = digits_models.ClassifyWithConfidence.feature(logits).numpy()[:, None]
    fitted = LogisticRegression(C=1.0).fit(feature, same)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def train_all(data, epochs):
    """{model id: (served module, parameters)}."""
    trained = {name: digits_models.fit(model, *data["train"], epochs) for name, model in digits_models.architectures().items()}
    divisors = {name: digits_models.temperature(model, *data["calibration"]) for name, model in trained.items()}
    served = {name: digits_models.Classify(model, divisors[name]) for name, model in trained.items()}
    weight, bias = fit_confidence(trained["digits-small"], trained["digits-large"], data["calibration"][0])
    served["digits-small"] = digits_models.ClassifyWithConfidence(trained["digits-small"], divisors["digits-small"], weight, bias)
    return served, {name: {"temperature": divisors[name]} for name in served} | {
        "digits-small": {"temperature": divisors["digits-small"], "weight": weight, "bias": bias}}


def export_all(served, data):
    """Write every graph; INT8 for the two of the cascade."""
    for name, module in served.items():
        source = MODELS / name / "classify.fp32.onnx"
        export(module, source, name == "digits-small")
        if name in WITH_INT8:
            ranges = quantise.observe(source, [{"pixels": data["train"][0]}])
            quantise.to_int8(source, source.with_name("classify.int8.onnx"), ranges)


def measure(served, data, parameters):
    """{model id: {precision: accuracy and calibration}} on the test split, by onnxruntime."""
    pixels, labels = data["test"]
    large = run(session(MODELS / "digits-large" / "classify.fp32.onnx"), pixels=pixels)["probabilities"].argmax(1)
    report = {}
    for name in served:
        for path in sorted((MODELS / name).glob("classify.*.onnx")):
            opened = session(path)
            result = run(opened, pixels=pixels)
            label = result["probabilities"].argmax(1)
            entry = {"accuracy": float((label == labels).mean()), "calibration": parameters[name],
                     "ece": expected_calibration_error(result["probabilities"].max(1), label == labels, 10),
                     "parameters": checkpoints.parameters(served[name]), "millisecondsPerRequest": times(opened, pixels)}
            if "confidence" in result:
                entry |= confidence_report(result["confidence"], label, large, labels)
            report.setdefault(name, {})[path.name.split(".")[1]] = entry
    members = [run(session(MODELS / name / "classify.fp32.onnx"), pixels=pixels)["probabilities"] for name in ("digits-top", "digits-bottom")]
    report["ensemble"] = {"accuracy": float(((members[0] + members[1]).argmax(1) == labels).mean())}
    return report


def times(opened, pixels):
    """Milliseconds a request at batch 1 and 32, one thread."""
    return {f"batch{size}": round(milliseconds(lambda: run(opened, pixels=pixels[:size]), 200) / size, 5) for size in (1, 32)}


def confidence_report(confidence, label, large, labels, threshold=0.95):
    """ECE of the confidence and what the cascade at `threshold` does."""
    sure = confidence >= threshold
    cascade = np.where(sure, label, large)
    return {"confidenceEce": expected_calibration_error(confidence, label == large, 10), "agreement": float((label == large).mean()),
            "skippedAt0.95": float(sure.mean()), "cascadeAccuracyAt0.95": float((cascade == labels).mean())}


def write_test_split(data):
    """models/digits-test.json: the test split, for replay without Python."""
    pixels, labels = data["test"]
    content = {"attribution": "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, "
                              "CC BY 4.0; the part that scikit-learn ships, images whose index is divisible by 5",
               "pixels": pixels.astype(int).tolist(), "labels": labels.tolist()}
    (MODELS / "digits-test.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python3 tools/digits.py --epochs 80")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = digits_models.splits()
    say("training four classifiers ...")
    served, parameters = train_all(data, arguments.epochs)
    export_all(served, data)
    write_test_split(data)
    report = measure(served, data, parameters)
    (checkpoint_folder() / "digits.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
