"""Holds /api/v1/openapi.json against the server that gives it out.

Arguments: host:port, user, password. The user has two devices: one is active, one has not been confirmed. The document is
checked by openapi-spec-validator, each answer by jsonschema. Every answer of every operation in the document has to have
been given, but those of UNPROVOKED."""

import base64
import http.client
import json
import socket
import sys

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

# Without TLS from afar; a fault; an overload of the whole server.
UNPROVOKED = {"403", "500", "503"}
address, user, password = sys.argv[1:]
BASIC = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
JSON = "application/json"
# More at a time than an account may have.
PLACES = 8
seen = set()


def exchange(method, path, body=None, media_type=JSON, authorization=BASIC):
    connection = http.client.HTTPConnection(address, timeout=60)
    headers = {"Authorization": authorization, "Content-Type": media_type}
    connection.request(method, path, body, {name: value for name, value in headers.items() if value})
    answer = connection.getresponse()
    return answer, answer.read()


answer, text = exchange("GET", "/api/v1/openapi.json", authorization=None)
document = json.loads(text)
OpenAPIV31SpecValidator(document).validate()


def resolved(value):
    while "$ref" in value:
        found = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def matches(schema, value):
    whole = dict(schema, components=document["components"])
    return list(Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value))


def described(operation, answer, text):
    """Checks an answer to a request of a path of the document."""
    template, method = operation
    status = str(answer.status)
    responses = document["paths"][template][method]["responses"]
    assert status in responses, (operation, status, text)
    response = resolved(responses[status])
    for name, header in response.get("headers", {}).items():
        value = answer.headers[name]
        assert value is not None or not resolved(header).get("required"), (operation, status, name)
        schema = resolved(header)["schema"]
        assert not matches(schema, int(value) if schema["type"] == "integer" else value), (name, value)
    content = response.get("content", {})
    if content:
        media_type = answer.headers["Content-Type"]
        assert media_type in content, (operation, status, media_type)
        errors = matches(content[media_type]["schema"], json.loads(text))
        assert not errors, (operation, status, text, errors)
    else:
        assert not text, (operation, status, text)
    seen.add((template, method, status))
    return json.loads(text) if text else None


DEVICES = ("/api/v1/devices", "get")
SHOW, CHANGE, REMOVE = [("/api/v1/devices/{id}", method) for method in ("get", "patch", "delete")]
TEST = ("/api/v1/devices/{id}/test", "post")
ALL = [DEVICES, SHOW, CHANGE, REMOVE, TEST]


def ask(operation, device="", status=200, **others):
    template, method = operation
    answer, text = exchange(method.upper(), template.format(id=device), **others)
    assert answer.status == status, (operation, answer.status, status, text)
    return described(operation, answer, text)


described(("/api/v1/openapi.json", "get"), answer, text)
devices = {device["state"]: device["id"] for device in ask(DEVICES)["devices"]}
active, pending = devices["active"], devices["pending"]

# What a change may be is said by the document and by the server alike.
change = {"$ref": "#/components/schemas/Change"}
for body, device, status in [
    ({}, active, 200),
    ({"name": "Ünicode 📱", "silentFor": 60}, active, 200),
    ({"silentUntil": None}, active, 200),
    ({"silentFor": 0}, active, 200),
    ({"name": " "}, pending, 200),
    ({"silentFor": 60}, pending, 409),
    ({"name": ""}, active, 400),
    ({"name": "x" * 101}, active, 400),
    ({"name": "\x07"}, active, 400),
    ({"name": 7}, active, 400),
    ({"silentFor": -1}, active, 400),
    ({"silentFor": 2**32}, active, 400),
    ({"silentFor": 1.5}, active, 400),
    ({"silentUntil": "soon"}, active, 400),
    ({"silentUntil": None, "silentFor": 0}, active, 400),
    ({"endpoint": "https://push.example"}, active, 400),
    ([], active, 400),
]:
    assert (not matches(change, body)) == (status != 400), body
    for media_type in (JSON, "application/merge-patch+json"):
        ask(CHANGE, device, status, body=json.dumps(body), media_type=media_type)
# Well-formed, but over already, or longer than a silence may be.
for time in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00+01:00"):
    assert not matches(change, {"silentUntil": time})
    ask(CHANGE, active, 400, body=json.dumps({"silentUntil": time}))
ask(CHANGE, active, 400, body="{")
ask(CHANGE, active, 413, body=json.dumps({"name": "x" * 5000}))
ask(CHANGE, active, 415, body="{}", media_type="text/plain")

for operation in ALL:
    ask(operation, active, 401, body="{}", authorization=None)
    if operation != DEVICES:
        for nobody in ("D999", "phone", "D01", "%00"):
            ask(operation, nobody, 404, body="{}")
ask(SHOW, active)
assert ask(TEST, active)["outcome"] == "accepted"
ask(TEST, pending, 409)

# Bodies that do not come take all places of the account, until the server has waited long enough.
waiting = []
for _ in range(PLACES):
    connection = socket.create_connection(address.rsplit(":", 1), timeout=60)
    head = [f"PATCH /api/v1/devices/{active} HTTP/1.1", f"Host: {address}", f"Authorization: {BASIC}"]
    head += [f"Content-Type: {JSON}", "Content-Length: 2", "Expect: 100-continue", "", ""]
    connection.sendall("\r\n".join(head).encode())
    # The server asks for the body when it has given a place.
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 "), "it reads the body"
    waiting.append(connection)
for operation in ALL:
    ask(operation, active, 429, body="{}")
for connection in waiting:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.status == 408, answer.status
    described(CHANGE, answer, answer.read())

for device in (active, pending):
    ask(REMOVE, device, 204)
assert ask(DEVICES) == {"devices": []}

unseen = set()
for template, operations in document["paths"].items():
    for method in operations.keys() - {"parameters"}:
        for status in operations[method]["responses"].keys() - UNPROVOKED:
            if (template, method, status) not in seen:
                unseen.add((template, method, status))
assert not unseen, unseen
print(f"{len(seen)} kinds of answers: every answer is as described")
