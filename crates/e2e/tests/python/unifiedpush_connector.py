"""An application that gets pushes by UnifiedPush, on dbus-fast and http-ece.

Arguments: its name on the bus, the version of the interfaces (1 or 2), its directory, and what to do: "register",
"unregister" or nothing, as when the bus starts it. It appends what happens as JSON lines to the file "heard" in its
directory, where its keys are kept too.
"""

import asyncio
import base64
import json
import os
import sys

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

NAME, VERSION, DIRECTORY = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ACTION = sys.argv[4] if len(sys.argv) > 4 else ""
TOKEN = "token-of-" + NAME


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hear(**what):
    with open(os.path.join(DIRECTORY, "heard"), "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


def keys():
    path = os.path.join(DIRECTORY, "keys")
    if not os.path.exists(path):
        private = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"private": private, "auth": os.urandom(16).hex()}, file)
    with open(path, encoding="utf-8") as file:
        kept = json.load(file)
    return ec.derive_private_key(kept["private"], ec.SECP256R1()), bytes.fromhex(kept["auth"])


PRIVATE, AUTH = keys()


def endpoint_came(token, endpoint):
    point = PRIVATE.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    subscription = {"endpoint": endpoint, "keys": {"p256dh": base64url(point), "auth": base64url(AUTH)}}
    hear(event="NewEndpoint", token=token, subscription=subscription)


def message_came(token, message, identifier):
    cleartext = http_ece.decrypt(message, private_key=PRIVATE, auth_secret=AUTH, version="aes128gcm")
    hear(event="Message", token=token, cleartext=cleartext.decode(), id=identifier)


class Connector1(ServiceInterface):
    def __init__(self):
        super().__init__("org.unifiedpush.Connector1")

    @dbus_method()
    def Message(self, token: "s", message: "ay", identifier: "s"):
        message_came(token, bytes(message), identifier)

    @dbus_method()
    def NewEndpoint(self, token: "s", endpoint: "s"):
        endpoint_came(token, endpoint)

    @dbus_method()
    def Unregistered(self, token: "s"):
        hear(event="Unregistered", token=token)


class Connector2(ServiceInterface):
    def __init__(self):
        super().__init__("org.unifiedpush.Connector2")

    @dbus_method()
    def Message(self, args: "a{sv}") -> "a{sv}":
        identifier = args["id"].value
        message_came(args["token"].value, bytes(args["message"].value), identifier)
        return {"id": Variant("s", identifier)}

    @dbus_method()
    def NewEndpoint(self, args: "a{sv}") -> "a{sv}":
        endpoint_came(args["token"].value, args["endpoint"].value)
        return {}

    @dbus_method()
    def Unregistered(self, args: "a{sv}") -> "a{sv}":
        hear(event="Unregistered", token=args["token"].value)
        return {}


async def call(bus, member, signature, body):
    answer = await bus.call(
        Message(
            destination="org.unifiedpush.Distributor.mailbell",
            path="/org/unifiedpush/Distributor",
            interface=f"org.unifiedpush.Distributor{VERSION}",
            member=member,
            signature=signature,
            body=body,
        )
    )
    told = [{name: field.value for name, field in part.items()} if isinstance(part, dict) else part for part in answer.body]
    hear(event=member, answer=told)


async def main():
    bus = await MessageBus().connect()
    bus.export("/org/unifiedpush/Connector", Connector1() if VERSION == 1 else Connector2())
    await bus.request_name(NAME)
    fields = {"service": Variant("s", NAME), "token": Variant("s", TOKEN), "description": Variant("s", "test")}
    if ACTION == "register" and VERSION == 1:
        await call(bus, "Register", "sss", [NAME, TOKEN, "test"])
    elif ACTION == "register":
        await call(bus, "Register", "a{sv}", [fields])
    elif ACTION == "unregister" and VERSION == 1:
        await call(bus, "Unregister", "s", [TOKEN])
    elif ACTION == "unregister":
        await call(bus, "Unregister", "a{sv}", [{"token": Variant("s", TOKEN)}])
    try:
        await bus.wait_for_disconnect()
    except EOFError:
        pass  # The bus has ended.


asyncio.run(main())
