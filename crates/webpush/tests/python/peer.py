"""The Python side of the cross-check: pywebpush, http-ece and py-vapid beside the crate.

Reads one JSON object a line on stdin and answers each with one JSON object a line.
Binary values are base64url without padding.
"""

import base64
import json
import sys
import time

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pywebpush import WebPusher


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encrypt(request):
    subscription = {
        "endpoint": "https://push.example.net/p/1",
        "keys": {"p256dh": request["p256dh"], "auth": request["auth"]},
    }
    return encode(WebPusher(subscription).encode(decode(request["clear"]))["body"])


def encrypt_records(request):
    key = ec.generate_private_key(ec.SECP256R1())
    return encode(
        http_ece.encrypt(
            decode(request["clear"]),
            private_key=key,
            dh=decode(request["p256dh"]),
            auth_secret=decode(request["auth"]),
            rs=request["record_size"],
            version="aes128gcm",
        )
    )


def decrypt(request):
    private = int.from_bytes(decode(request["private"]), "big")
    key = ec.derive_private_key(private, ec.SECP256R1())
    clear = http_ece.decrypt(
        decode(request["body"]),
        private_key=key,
        auth_secret=decode(request["auth"]),
        version="aes128gcm",
    )
    return encode(clear)


def sign(request):
    claims = {
        "aud": request["aud"],
        "sub": "mailto:push@example.com",
        "exp": int(time.time()) + 3600,
    }
    return Vapid02.from_raw(request["private"].encode()).sign(claims)["Authorization"]


def verify(request):
    # py-vapid takes no space after the comma; RFC 9110 section 5.6.1 allows one.
    return bool(Vapid02.verify(request["authorization"].replace(", ", ",")))


VERBS = {f.__name__: f for f in (encrypt, encrypt_records, decrypt, sign, verify)}

for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"answer": VERBS[request["verb"]](request)}), flush=True)
