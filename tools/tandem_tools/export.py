"""ONNX export of the served graphs."""

import warnings

import onnx
import onnxruntime
import torch

from .graphs import Candidates, Catalogue, Confidence, Listing, Prefill, Rank, Step

OPSET = 18

BATCH = "batch"
AXES = {
    "history": {0: BATCH, 1: "length"}, "exclude": {0: BATCH, 1: "excluded"}, "candidates": {0: BATCH, 1: "candidates"},
    "item": {0: BATCH}, "pastLength": {0: BATCH}, "slot": {0: BATCH}, "pool": {0: "slots", 3: "positions"},
    "items": {0: BATCH}, "confidence": {0: BATCH}, "kv": {0: BATCH, 3: "length"}, "kvStep": {0: BATCH}, "state": {0: BATCH},
}


def axes_of(graph, name):
    """Dynamic axes of a tensor; scores follow the candidates except where the top is fixed."""
    if name == "scores":
        return {0: BATCH} if graph in ("candidates", "catalogue", "listing") else {0: BATCH, 1: "candidates"}
    return AXES[name]


def example_inputs(config, batch=2, length=5, candidates=7, positions=9):
    """Small inputs for tracing, by name."""
    def ids(*shape):
        return torch.randint(1, config.items + 1, shape, dtype=torch.int32)
    examples = {"history": ids(batch, length), "exclude": ids(batch, 3), "candidates": ids(batch, candidates),
                "item": ids(batch), "pastLength": torch.tensor([3, 6], dtype=torch.int32)}
    if hasattr(config, "heads"):
        examples["slot"] = torch.tensor([2, 0], dtype=torch.int32)
        examples["state"] = torch.randn(batch, config.width)
        examples["pool"] = torch.randn(3, 2 * config.layers, config.key_value_heads, positions, config.head_width)
    return examples


def export_graph(module, graph, inputs, outputs, config, path):
    """Trace `module` and write it to `path`, with dynamic axes."""
    examples = example_inputs(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), tuple(examples[name] for name in inputs), str(path), dynamo=False, opset_version=OPSET,
                          input_names=list(inputs), output_names=list(outputs),
                          dynamic_axes={name: axes_of(graph, name) for name in (*inputs, *outputs)})
    fold(path)
    name_sizes(path, config)
    return path


def fold(path):
    """Fold constants and drop no-ops with onnxruntime's basic rewrites (standard operators only)."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def name_sizes(path, config):
    """State the sizes of `kv` that the tracer leaves open: engines write outputs in place where they know the shape."""
    model = onnx.load(str(path))
    for output in model.graph.output:
        if output.name == "kv":
            for axis, size in ((2, config.key_value_heads), (4, config.head_width)):
                output.type.tensor_type.shape.dim[axis].dim_value = size
    onnx.save(model, str(path))


def export_large(model, folder):
    """Write the FP32 graphs of the large model."""
    plan = {"rank": (Rank, ["history", "candidates"], ["scores"]),
            "catalogue": (Catalogue, ["history", "exclude"], ["items", "scores"]),
            "prefill": (Prefill, ["history", "candidates"], ["kv", "scores", "state"]),
            "step": (Step, ["item", "pastLength", "slot", "pool", "candidates"], ["scores", "kvStep", "state"]),
            "listing": (Listing, ["state", "exclude"], ["items", "scores"])}
    return {name: export_graph(make(model), name, inputs, outputs, model.config, folder / f"{name}.fp32.onnx")
            for name, (make, inputs, outputs) in plan.items()}


def export_small(model, weights, bias, folder):
    """Write the FP32 graph of the small model with its calibrated confidence."""
    module = Candidates(model, Confidence(weights, bias))
    outputs = ["items", "scores", "confidence"]
    return {"candidates": export_graph(module, "candidates", ["history", "exclude"], outputs, model.config,
                                       folder / "candidates.fp32.onnx")}
