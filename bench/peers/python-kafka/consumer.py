"""A Kafka consumer in Python that calls the model: one by one, or everything that a poll brought, in chunks of 32.

    python consumer.py --kafka HOST:PORT --prefix tandem. [--batch]
"""

import argparse
import json
import pathlib
import sys

from confluent_kafka import Consumer, Producer

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "common"))
from model import Model, history_of, response_to  # noqa: E402

CHUNK = 32

parser = argparse.ArgumentParser()
parser.add_argument("--kafka", required=True)
parser.add_argument("--prefix", required=True)
parser.add_argument("--batch", action="store_true")
arguments = parser.parse_args()

model = Model()
consumer = Consumer({
    "bootstrap.servers": arguments.kafka,
    "group.id": arguments.prefix + "python",
    "auto.offset.reset": "earliest",
    # Of what is stored: by itself, or in batches behind the answers.
    "enable.auto.offset.store": not arguments.batch,
})
producer = Producer({"bootstrap.servers": arguments.kafka, "acks": "all"})
consumer.subscribe([arguments.prefix + "requests"])
responses = arguments.prefix + "responses"

while True:
    messages = consumer.consume(num_messages=CHUNK if arguments.batch else 1, timeout=0.01)
    requests = [json.loads(message.value()) for message in messages if message.error() is None]
    if not requests:
        producer.poll(0)
        continue
    results = model.answer([history_of(request) for request in requests])
    for request, result in zip(requests, results):
        producer.produce(responses, response_to(request, result), key=request["userId"], headers={"tandem-request-id": request["requestId"]})
    if arguments.batch:
        # Answers are acknowledged before the offsets may be committed, which the client does every 5 s.
        producer.flush()
        for message in messages:
            if message.error() is None:
                consumer.store_offsets(message)
    else:
        producer.poll(0)
