"""onnxruntime sessions as the tools use them: one thread, CPU."""

import time

import numpy as np
import onnxruntime


def session(model, threads=1):
    """A session from a path or serialised bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(opened, **inputs):
    """Run and return {output name: array}; integers go in as int32."""
    feeds = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
    names = [output.name for output in opened.get_outputs()]
    return dict(zip(names, opened.run(names, feeds)))


def milliseconds(call, repeat=30):
    """Median wall-clock milliseconds of `call`, after warming up."""
    for _ in range(3):
        call()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return float(np.median(times) * 1e3)
