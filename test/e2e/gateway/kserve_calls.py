"""KServe's own REST client, as it comes, against the gateway named on the command line. Prints what each call brought, as JSON."""
import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

address, digits_file = sys.argv[1], sys.argv[2]
digits = json.load(open(digits_file))
pixels = np.array(digits["pixels"][:8], dtype=np.float32)


def asked(binary, model="digits-large", values=pixels, **options):
    tensor = InferInput("pixels", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return InferRequest(model, [tensor], **options)


async def refused(call):
    try:
        await call
        return None
    except httpx.HTTPStatusError as error:
        return {"status": error.response.status_code, "message": str(error)}


async def calls(client):
    async def infer(request):
        return await client.infer(address, request, model_name=request.model_name)

    async def probabilities(request):
        return (await infer(request)).outputs[0].as_numpy().tolist()

    binary_output = [RequestedOutput("probabilities", {"binary_data": True})]
    answer = await infer(asked(True, request_id="my-id"))
    history = InferInput("history", [1, 3], "INT32", [[1, 260, 1196]])
    exclude = InferInput("exclude", [1, 1], "INT32", [[0]])
    items = (await infer(InferRequest("recommend-small.int8", [history, exclude]))).get_output_by_name("items")
    return {
        "live": await client.is_server_live(address),
        "ready": await client.is_server_ready(address),
        "model_ready": await client.is_model_ready(address, "digits-large"),
        "unknown_ready": await client.is_model_ready(address, "nope"),
        "answer": {"id": answer.id, "model": answer.model_name, "output": answer.outputs[0].name, "shape": answer.outputs[0].shape},
        "items": {"shape": items.shape, "datatype": items.datatype},
        "probabilities": {
            "json in, json out": await probabilities(asked(False)),
            "json in, binary out": await probabilities(asked(False, request_outputs=binary_output)),
            "binary in, json out": await probabilities(asked(True)),
            "binary in, binary out": await probabilities(asked(True, parameters={"binary_data_output": True})),
            "a dictionary": (await client.infer(address, {"inputs": [{"name": "pixels", "shape": [8, 64], "datatype": "FP32", "data": pixels.tolist()}]}, model_name="digits-large")).outputs[0].as_numpy().tolist(),
        },
        "refused": {
            "unknown model": await refused(infer(asked(True, model="nope"))),
            "wrong shape": await refused(infer(asked(False, values=np.zeros((1, 63), dtype=np.float32)))),
            "no inputs": await refused(infer(InferRequest("digits-large", []))),
        },
    }


async def main():
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        print(json.dumps(await calls(client)))


asyncio.run(main())
