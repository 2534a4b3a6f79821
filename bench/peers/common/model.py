"""The large model for peers in Python: the file, tensors and answers that Tandem's worker and the kafkajs consumers use."""

import json
import os

import numpy
import onnxruntime

LIMIT = 10


class Model:
    """Reads MODEL_FILE (a `catalogue` or `candidates` graph) and INTRA_OP_THREADS (0: the runtime's default)."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("INTRA_OP_THREADS", "0"))
        self._session = onnxruntime.InferenceSession(os.environ["MODEL_FILE"], options, providers=["CPUExecutionProvider"])

    def answer(self, histories):
        """One inference. Histories are lists of item ids, oldest first; returns a result for each."""
        length = max(1, max(len(history) for history in histories))
        tensor = numpy.zeros((len(histories), length), dtype=numpy.int32)
        for row, history in enumerate(histories):
            tensor[row, : len(history)] = history
        exclude = numpy.zeros((len(histories), 1), dtype=numpy.int32)
        items, scores = self._session.run(["items", "scores"], {"history": tensor, "exclude": exclude})
        return [
            {"items": [{"itemId": str(item), "score": round(float(score), 5)} for item, score in zip(row[:LIMIT], values[:LIMIT])]}
            for row, values in zip(items.tolist(), scores.tolist())
        ]


def history_of(request):
    """Of a request as Tandem's producers write it."""
    return [int(item) for item in request["input"]["history"]]


def response_to(request, result):
    """The answer as JSON text."""
    return json.dumps({"requestId": request["requestId"], "userId": request["userId"], "status": "complete", "result": result})
