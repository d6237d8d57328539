"""A user agent that Mailbell's authors did not write the cryptography of: websockets and http-ece.

Arguments: push service port, IMAPS port, TLS certificate, user, password. Registers through IMAP WEBPUSH, prints
"registered", then one JSON object a line for each push: its cleartext and its length."""

import base64
import contextlib
import json
import os
import socket
import ssl
import sys
import uuid

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import connect

push_port, imaps_port, certificate, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
connections = contextlib.ExitStack()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Imap:
    def __init__(self):
        raw = socket.create_connection(("localhost", int(imaps_port)))
        self.file = context.wrap_socket(raw, server_hostname="localhost").makefile("rwb")
        self.file.readline()
        self.tag = 0

    def command(self, command):
        self.tag += 1
        tag = f"p{self.tag} ".encode()
        self.file.write(tag + command.encode() + b"\r\n")
        self.file.flush()
        untagged = []
        while not (line := self.file.readline()).startswith(tag):
            assert line, "the server closed the connection"
            untagged.append(line.decode().rstrip())
        assert line.startswith(tag + b"OK"), line
        return untagged


class Device:
    def __init__(self, vapid):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.channel = str(uuid.uuid4())
        self.socket = connections.enter_context(connect(f"wss://localhost:{push_port}/", ssl=context))
        hello = self.ask({"messageType": "hello", "use_webpush": True, "broadcasts": {}})
        assert hello["status"] == 200 and len(hello["uaid"]) == 32, hello
        key = base64.urlsafe_b64encode(unbase64url(vapid)).decode()
        registered = self.ask({"messageType": "register", "channelID": self.channel, "key": key})
        assert registered["status"] == 200, registered
        self.endpoint = registered["pushEndpoint"]

    def ask(self, message):
        self.socket.send(json.dumps(message))
        return json.loads(self.socket.recv(timeout=60))

    def public_key(self):
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def push(self):
        notification = json.loads(self.socket.recv(timeout=60))
        assert notification["messageType"] == "notification", notification
        assert notification["channelID"] == self.channel, notification
        assert notification["headers"]["encoding"] == "aes128gcm", notification
        update = {"channelID": self.channel, "version": notification["version"], "code": 100}
        self.socket.send(json.dumps({"messageType": "ack", "updates": [update]}))
        body = unbase64url(notification["data"])
        return http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")


imap = Imap()
imap.command(f"LOGIN {user} {password}")
(vapid,) = imap.command("GETVAPID")
device = Device(vapid.removeprefix("* VAPID "))
answer = imap.command(f"WEBPUSH py {device.endpoint} {base64url(device.public_key())} {base64url(device.auth)}")
assert vapid in answer and f"* WEBPUSH py {device.endpoint} NIL" in answer, answer
token = device.push().decode()
assert token.startswith("* ACKWEBPUSH ") and token.endswith("\r\n"), token
answer = imap.command(token.removeprefix("* ").strip())
assert answer == [f"* WEBPUSH py {device.endpoint} 0"], answer
print("registered", flush=True)
while True:
    clear = device.push()
    print(json.dumps({"length": len(clear), "text": clear.decode()}), flush=True)
