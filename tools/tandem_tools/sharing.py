"""Weights that several graphs have in common are stored once: ONNX external data that points into another graph's file.

A serialised graph holds its constants as contiguous little-endian bytes, so any of them can be named by file, offset and
length. Whoever loads such a graph must know its folder.
"""

import onnx
from onnx import TensorProto

LEAST_BYTES = 256


def share_weights(path, donors):
    """Replace the constants of the graph at `path` that one of the `donors` (files of the same folder) holds; returns the bytes saved."""
    model = onnx.load(str(path), load_external_data=False)
    contents = [(donor, donor.read_bytes()) for donor in donors]
    saved = 0
    for entry in model.graph.initializer:
        raw = entry.raw_data
        if len(raw) < LEAST_BYTES:
            continue
        for donor, content in contents:
            offset = content.find(raw)
            if offset >= 0:
                point_to(entry, donor.name, offset, len(raw))
                saved += len(raw)
                break
    onnx.save(model, str(path))
    return saved


def point_to(entry, location, offset, length):
    """Make a constant external."""
    entry.ClearField("raw_data")
    entry.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        found = entry.external_data.add()
        found.key, found.value = key, value
