"""pywebpush sends a push. Standard input: the subscription as JSON, as browsers give it. Argument: the text."""

import json
import sys

from pywebpush import webpush

answer = webpush(json.load(sys.stdin), sys.argv[1], ttl=60, headers={"Urgency": "low"})
assert answer.status_code == 201, answer
print("ok")
