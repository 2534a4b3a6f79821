"""LitServe with its batching on: https://lightning.ai/docs/litserve (batching, workers_per_device).

    python server.py PORT WORKERS
"""

import pathlib
import sys

import litserve

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "common"))
from model import Model, history_of  # noqa: E402


class Ranker(litserve.LitAPI):
    def setup(self, device):
        self._model = Model()

    def decode_request(self, request):
        return history_of(request)

    def batch(self, inputs):
        return inputs

    def predict(self, histories):
        return self._model.answer(histories)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {"status": "complete", "result": output}


if __name__ == "__main__":
    api = Ranker(max_batch_size=32, batch_timeout=0.005)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
