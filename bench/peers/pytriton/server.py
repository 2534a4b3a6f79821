"""PyTriton with the dynamic batcher of Triton: https://triton-inference-server.github.io/pytriton (batching, queue policies).

    python server.py PORT GRPC_PORT METRICS_PORT WORKERS [--reject]

--reject: what waits for longer than 10 ms is refused, which holds up under overload. A request is one bytes element: JSON text of
the history, since the batcher joins equal shapes only.
"""

import json
import pathlib
import sys

import numpy
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, QueuePolicy, Tensor, TimeoutAction
from pytriton.triton import Triton, TritonConfig

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "common"))
from model import Model  # noqa: E402

QUEUE_DELAY_US = 5_000
QUEUE_TIMEOUT_US = 10_000


def instance():
    model = Model()

    @batch
    def infer(history):
        histories = [[int(item) for item in json.loads(text)] for text in history[:, 0].tolist()]
        answers = [json.dumps({"status": "complete", "result": result}).encode() for result in model.answer(histories)]
        return {"answer": numpy.array(answers, dtype=object).reshape(-1, 1)}

    return infer


def queue_policy():
    if "--reject" not in sys.argv:
        return {}
    # Longer than the queue delay, or everything that waits for company is refused.
    return {"default_queue_policy": QueuePolicy(timeout_action=TimeoutAction.REJECT, default_timeout_microseconds=QUEUE_TIMEOUT_US)}


if __name__ == "__main__":
    http, grpc, metrics, workers = (int(word) for word in sys.argv[1:5])
    with Triton(config=TritonConfig(http_address="127.0.0.1", http_port=http, grpc_port=grpc, metrics_port=metrics, log_verbose=0)) as triton:
        triton.bind(
            model_name="ranker",
            infer_func=[instance() for _ in range(workers)],
            inputs=[Tensor(name="history", dtype=bytes, shape=(1,))],
            outputs=[Tensor(name="answer", dtype=bytes, shape=(1,))],
            config=ModelConfig(batching=True, max_batch_size=32, batcher=DynamicBatcher(max_queue_delay_microseconds=QUEUE_DELAY_US, **queue_policy())),
        )
        triton.serve()
