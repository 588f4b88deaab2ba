"""A Python program that sends users notifications by redis-py: live on channels, and kept as lists of JSON.

Given a port and a user, it subscribes for that user and for broadcasts. Each line on its standard input is a JSON list, the name
of a method and its arguments; each line that it prints is {"result": …} or {"heard": channel, "data": …}.
"""
import json
import sys
import threading
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Optional

import redis

KEPT = 100


@dataclass
class Notification:
    id: str
    user_id: str
    type: str
    title: str
    message: str
    timestamp: str
    read: bool = False
    data: Optional[dict] = None


class Notifications:
    def __init__(self, port):
        self.client = redis.Redis(host="127.0.0.1", port=port, decode_responses=True)
        self.pubsub = self.client.pubsub()

    def send_to_user(self, user_id, kind, title, message, data=None):
        one = Notification(str(uuid.uuid4()), user_id, kind, title, message, now(), data=data)
        text = json.dumps(asdict(one))
        receivers = self.client.publish("notifications:user:" + user_id, text)
        self.client.lpush(kept(user_id), text)
        self.client.ltrim(kept(user_id), 0, KEPT - 1)
        return {"id": one.id, "receivers": receivers}

    def broadcast(self, kind, title, message, data=None):
        one = {"id": str(uuid.uuid4()), "type": kind, "title": title, "message": message, "timestamp": now(), "data": data}
        return {"id": one["id"], "receivers": self.client.publish("notifications:broadcast", json.dumps(one))}

    def get_user_notifications(self, user_id, limit=20):
        items = self.client.lrange(kept(user_id), 0, limit - 1)
        # Exactly these fields: one more does not load.
        return [asdict(Notification(**json.loads(item))) for item in items]

    def mark_as_read(self, user_id, notification_id):
        for index, item in enumerate(self.client.lrange(kept(user_id), 0, -1)):
            one = json.loads(item)
            if one["id"] == notification_id:
                self.client.lset(kept(user_id), index, json.dumps({**one, "read": True}))
                return True
        return False

    def listen(self, user_id, handler):
        self.pubsub.subscribe(**{"notifications:user:" + user_id: handler, "notifications:broadcast": handler})
        return self.pubsub.run_in_thread(sleep_time=0.001)


def kept(user_id):
    return f"user:{user_id}:notifications"


def now():
    return datetime.utcnow().isoformat()


printing = threading.Lock()


def say(**what):
    with printing:
        print(json.dumps(what), flush=True)


service = Notifications(int(sys.argv[1]))
thread = service.listen(sys.argv[2], lambda message: say(heard=message["channel"], data=json.loads(message["data"])))
for line in sys.stdin:
    name, *args = json.loads(line)
    say(result=getattr(service, name)(*args))
thread.stop()
thread.join()
