"""Entries of models/registry.json (version 1)."""

import hashlib

import onnx

from .paths import MODELS

ALLOWANCE = {"fp32": 0.0, "fp16": 0.01, "int8": 0.02}  # largest share of the FP32 metric that a variant may lose
ELEMENT_TYPES = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.INT32: "int32",
                 onnx.TensorProto.FLOAT16: "float16", onnx.TensorProto.INT8: "int8"}


class NotReleasable(Exception):
    """A variant fails its gate."""


def tensors(values):
    """{name: {type, shape}} of a graph's inputs or outputs; dynamic axes by name."""
    return {value.name: {"type": ELEMENT_TYPES[value.type.tensor_type.elem_type],
                         "shape": [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]}
            for value in values}


SHARED_GRAPHS = {"listing"}  # one FP32 file for all precisions


def graph_entry(model, graph, precision):
    """File, hash, size and tensors of one graph."""
    if graph in SHARED_GRAPHS:
        precision = "fp32"
    return file_entry(f"{model}/{graph}.{precision}.onnx")


def file_entry(file):
    """The same by the file's name; with the files that it takes constants from."""
    content = (MODELS / file).read_bytes()
    loaded = onnx.load_from_string(content).graph
    folder = file.rsplit("/", 1)[0]
    donors = sorted({f"{folder}/{pair.value}" for entry in loaded.initializer for pair in entry.external_data if pair.key == "location"})
    weights = [{"file": donor, "sha256": hashlib.sha256((MODELS / donor).read_bytes()).hexdigest()} for donor in donors]
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), **({"weights": weights} if weights else {}),
            "inputs": tensors(loaded.input), "outputs": tensors(loaded.output)}


def gate(model, precision, value, reference):
    """Raise NotReleasable if `value` lies further below `reference` than the precision allows."""
    lost = 1.0 - value / reference
    if lost > ALLOWANCE[precision]:
        raise NotReleasable(f"{model} {precision} loses {lost:.2%} of its metric, allowed are {ALLOWANCE[precision]:.2%}")


def entry(model, precision, version, adapter, graphs, accuracy, lineage, **more):
    """One variant; `more` holds catalogue, labels, limits and calibration where they apply."""
    return {"model": model, "precision": precision, "version": version, "status": "stable", "adapter": adapter, **more,
            "graphs": {graph: graph_entry(model, graph, precision) for graph in graphs},
            "accuracy": accuracy, "lineage": lineage}
