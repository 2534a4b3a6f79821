"""Ray Serve with dynamic request batching: https://docs.ray.io (serve, dynamic request batching).

    python server.py PORT WORKERS
"""

import pathlib
import signal
import sys

import ray
from ray import serve
from starlette.requests import Request

COMMON = str(pathlib.Path(__file__).parent.parent / "common")


@serve.deployment(max_ongoing_requests=128, ray_actor_options={"num_cpus": 0.5})
class Ranker:
    def __init__(self):
        sys.path.insert(0, COMMON)
        from model import Model, history_of

        self._model = Model()
        self._history_of = history_of

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.005)
    async def rank(self, histories):
        return self._model.answer(histories)

    async def __call__(self, request: Request):
        history = self._history_of(await request.json())
        return {"status": "complete", "result": await self.rank(history)}


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Ranker.options(num_replicas=int(sys.argv[2])).bind())
    signal.pause()
