"""A Python program of the kind that shares channels with Tidings: redis-py, an event dataclass, no zone in its times.

It subscribes, says "ready", and for each line on its standard input does what the line says:
  emit TYPE JSON      publishes an event on events:TYPE
  publish CHANNEL TEXT
  end                 prints everything that it received, one JSON object a line, and ends
"""
import json
import queue
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import datetime

import redis

PREFIX = "events:"


@dataclass
class Event:
    # Exactly these: an envelope with a field more or less does not load.
    type: str
    timestamp: str
    data: dict


client = redis.Redis(host="127.0.0.1", port=int(sys.argv[1]), decode_responses=True)
pubsub = client.pubsub()
pubsub.subscribe("plain", PREFIX + "order.created")
pubsub.psubscribe(PREFIX + "order.*")
received = queue.Queue()
confirmed = threading.Semaphore(0)


def listen():
    for message in pubsub.listen():
        if message["type"] in ("subscribe", "psubscribe"):
            confirmed.release()
        elif message["channel"] == "plain":
            received.put({"channel": "plain", "message": message["data"]})
        else:
            event = Event(**json.loads(message["data"]))
            received.put({"via": message["type"], "channel": message["channel"], **asdict(event)})


threading.Thread(target=listen, daemon=True).start()
for _ in range(3):
    confirmed.acquire()
print("ready", flush=True)
for line in sys.stdin:
    verb, _, rest = line.rstrip("\n").partition(" ")
    name, _, text = rest.partition(" ")
    if verb == "emit":
        event = Event(type=name, timestamp=datetime.utcnow().isoformat(), data=json.loads(text))
        client.publish(PREFIX + name, json.dumps(asdict(event)))
    elif verb == "publish":
        client.publish(name, text)
    elif verb == "end":
        for _ in range(int(name)):
            print(json.dumps(received.get(timeout=5)), flush=True)
        break
