"""Sends pushes with pywebpush. Standard input: a JSON list of requests, see crates/e2e/tests/firefox/senders.rs. Prints a
JSON list of the status codes."""

import json
import sys

from pywebpush import WebPushException, webpush


def send(request):
    headers = {name: value for name, value in request.items() if name in ("Topic", "Urgency")}
    signing = {}
    if "private_key" in request:
        signing["vapid_private_key"] = request["private_key"]
        signing["vapid_claims"] = {"sub": "mailto:sender@test.invalid"}
    try:
        answer = webpush(
            request["subscription"],
            request["text"],
            ttl=request["TTL"],
            headers=headers,
            content_encoding=request["encoding"],
            **signing,
        )
    except WebPushException as error:
        answer = error.response
        if answer is None:
            raise
    return answer.status_code


print(json.dumps([send(request) for request in json.load(sys.stdin)]))
