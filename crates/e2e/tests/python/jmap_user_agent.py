"""A JMAP client and user agent that Mailbell's authors did not write the cryptography of: urllib, websockets, http-ece.

Arguments: push service port, HTTP port, TLS certificate, user, password, and the subscription's properties as JSON. Makes a
PushSubscription with the key of the session, verifies it, prints "registered" and its id, then one JSON object a line for
each push: its cleartext, parsed, and its length."""

import base64
import contextlib
import json
import os
import ssl
import sys
import urllib.request
import uuid

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import connect

push_port, http_port, certificate, user, password, properties = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
connections = contextlib.ExitStack()
VAPID = "urn:ietf:params:jmap:webpush-vapid"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def ask(path, body=None):
    request = urllib.request.Request(f"http://localhost:{http_port}{path}", body)
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def set_subscription(arguments):
    call = {"using": ["urn:ietf:params:jmap:core"], "methodCalls": [["PushSubscription/set", arguments, "0"]]}
    ((name, answer, _),) = ask("/jmap/api", json.dumps(call).encode())["methodResponses"]
    assert name == "PushSubscription/set", answer
    return answer


class Device:
    def __init__(self, vapid):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.channel = str(uuid.uuid4())
        self.socket = connections.enter_context(connect(f"wss://localhost:{push_port}/", ssl=context))
        hello = self.ask({"messageType": "hello", "use_webpush": True, "broadcasts": {}})
        assert hello["status"] == 200, hello
        # Only what is signed with this key is taken by the push service (RFC 8292 §4).
        key = base64.urlsafe_b64encode(unbase64url(vapid)).decode()
        registered = self.ask({"messageType": "register", "channelID": self.channel, "key": key})
        assert registered["status"] == 200, registered
        self.endpoint = registered["pushEndpoint"]

    def ask(self, message):
        self.socket.send(json.dumps(message))
        return json.loads(self.socket.recv(timeout=60))

    def keys(self):
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"p256dh": base64url(point), "auth": base64url(self.auth)}

    def push(self):
        notification = json.loads(self.socket.recv(timeout=60))
        assert notification["messageType"] == "notification", notification
        assert notification["headers"]["encoding"] == "aes128gcm", notification
        update = {"channelID": self.channel, "version": notification["version"], "code": 100}
        self.socket.send(json.dumps({"messageType": "ack", "updates": [update]}))
        body = unbase64url(notification["data"])
        return http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")


session = ask("/.well-known/jmap")
device = Device(session["capabilities"][VAPID]["applicationServerKey"])
given = {"deviceClientId": "python", "url": device.endpoint, "keys": device.keys(), **json.loads(properties)}
created = set_subscription({"create": {"k": given}})["created"]["k"]
verification = json.loads(device.push())
assert verification["@type"] == "PushVerification", verification
assert verification["pushSubscriptionId"] == created["id"], verification
patch = {"verificationCode": verification["verificationCode"]}
answer = set_subscription({"update": {created["id"]: patch}})
assert answer["updated"] == {created["id"]: None}, answer
print("registered", created["id"], flush=True)
while True:
    clear = device.push()
    print(json.dumps({"length": len(clear), "said": json.loads(clear)}), flush=True)
