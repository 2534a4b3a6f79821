"""Triton's own HTTP client, as it comes, against the gateway named on the command line. Prints what each call brought, as JSON."""
import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address, digits_file = sys.argv[1], sys.argv[2]
client = http.InferenceServerClient(address, concurrency=4)
digits = json.load(open(digits_file))
pixels = np.array(digits["pixels"][:8], dtype=np.float32)
found = {}


def digits_input(binary, values=pixels):
    tensor = http.InferInput("pixels", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def infer(binary, outputs_binary, model="digits-large", **options):
    outputs = [http.InferRequestedOutput("probabilities", binary_data=outputs_binary)]
    return client.infer(model, [digits_input(binary)], outputs=outputs, **options).as_numpy("probabilities")


found["live"] = client.is_server_live()
found["ready"] = client.is_server_ready()
found["model_ready"] = client.is_model_ready("digits-large")
found["unknown_ready"] = client.is_model_ready("nope")
found["server"] = client.get_server_metadata()
metadata = client.get_model_metadata("digits-large")
found["metadata"] = metadata
found["config"] = client.get_model_config("digits-large")
found["index"] = client.get_model_repository_index()

everything_binary = infer(True, True)
found["labels"] = everything_binary.argmax(axis=1).tolist()
found["shape"] = list(everything_binary.shape)
found["same"] = {
    "json in, json out": bool(np.allclose(infer(False, False), everything_binary, atol=1e-6)),
    "json in, binary out": bool(np.array_equal(infer(False, True), everything_binary)),
    "binary in, json out": bool(np.allclose(infer(True, False), everything_binary, atol=1e-6)),
    "gzip both ways": bool(np.array_equal(infer(True, True, request_compression_algorithm="gzip", response_compression_algorithm="gzip"), everything_binary)),
    "deflate both ways": bool(np.array_equal(infer(True, True, request_compression_algorithm="deflate", response_compression_algorithm="deflate"), everything_binary)),
    "named version": bool(np.array_equal(infer(True, True, model_version=metadata["versions"][0]), everything_binary)),
    "no outputs named": bool(np.array_equal(client.infer("digits-large", [digits_input(True)]).as_numpy("probabilities"), everything_binary)),
}
found["request_id"] = client.infer("digits-large", [digits_input(True)], request_id="my-id").get_response()["id"]

calls = [client.async_infer("digits-large", [digits_input(True)]) for _ in range(8)]
found["async"] = all(np.allclose(call.get_result().as_numpy("probabilities"), everything_binary, atol=1e-6) for call in calls)

history = np.array([[1, 260, 1196]], dtype=np.int32)
exclude = np.array([[0]], dtype=np.int32)
inputs = [http.InferInput("history", [1, 3], "INT32"), http.InferInput("exclude", [1, 1], "INT32")]
inputs[0].set_data_from_numpy(history)
inputs[1].set_data_from_numpy(exclude)
items = client.infer("recommend-small.int8", inputs).as_numpy("items")
found["items"] = {"shape": list(items.shape), "dtype": str(items.dtype)}


def refused(call):
    try:
        call()
        return None
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}


wrong_type = http.InferInput("pixels", [1, 64], "INT32")
wrong_type.set_data_from_numpy(np.zeros((1, 64), dtype=np.int32))
found["refused"] = {
    "unknown model": refused(lambda: client.infer("nope", [digits_input(True)])),
    "wrong shape": refused(lambda: client.infer("digits-large", [digits_input(True, np.zeros((1, 63), dtype=np.float32))])),
    "wrong type": refused(lambda: client.infer("digits-large", [wrong_type])),
    "no inputs": refused(lambda: client.infer("digits-large", [])),
    "loading": refused(lambda: client.load_model("digits-large")),
}
found["statistics"] = client.get_inference_statistics("digits-large")["model_stats"][0]["inference_count"]
print(json.dumps(found))
