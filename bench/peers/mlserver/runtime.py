"""A custom runtime for MLServer with adaptive batching: https://mlserver.readthedocs.io (custom runtimes, adaptive batching).

Requests are one BYTES element each: JSON text of the history, since batching joins equal shapes only.
"""

import json
import pathlib
import sys

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "common"))
from model import Model  # noqa: E402


class Ranker(MLModel):
    async def load(self) -> bool:
        self._model = Model()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        results = self._model.answer([[int(item) for item in json.loads(text)] for text in texts])
        output = StringCodec.encode_output("answer", [json.dumps({"status": "complete", "result": result}) for result in results])
        return InferenceResponse(model_name=self.name, outputs=[output])
