"""BentoML with adaptive batching: https://docs.bentoml.com (batchable APIs, workers).

    WORKERS=2 bentoml serve service:Ranker --port PORT
"""

import os
import pathlib
import sys
import typing

import bentoml

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "common"))
from model import Model  # noqa: E402


@bentoml.service(workers=int(os.environ.get("WORKERS", "1")), traffic={"timeout": 60, "max_concurrency": 4096})
class RankerModel:
    def __init__(self) -> None:
        self._model = Model()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=50)
    def rank(self, histories: typing.List[typing.List[int]]) -> typing.List[dict]:
        return [{"status": "complete", "result": result} for result in self._model.answer(histories)]


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 4096})
class Ranker:
    """A batchable API takes one argument, a list; requests come singly, so this hands them on."""

    model = bentoml.depends(RankerModel)

    @bentoml.api
    async def answer(self, input: dict) -> dict:
        history = [int(item) for item in input["history"]]
        return (await self.model.to_async.rank([history]))[0]
