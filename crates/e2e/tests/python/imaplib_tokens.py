"""imaplib logs in with tokens: imaplib_tokens.py PORT CERTIFICATE ISSUER DIRECTORY."""

import base64
import imaplib
import json
import ssl
import sys
import urllib.request

port, certificate, issuer, directory = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
with open(f"{directory}/tokens.json") as file:
    tokens = json.load(file)


def first(mechanism, user, token):
    if mechanism == "XOAUTH2":
        return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
    return f"n,a={user},\x01host=localhost\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


def attempt(mechanism, user, token):
    """What the server answers with, and what it explained before."""
    imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context)
    assert f"AUTH={mechanism}" in imap.capabilities, imap.capabilities
    told = []

    def respond(challenge):
        if not challenge:
            return first(mechanism, user, token)
        told.append(json.loads(challenge))
        return b"\x01"

    try:
        kind, _ = imap.authenticate(mechanism, respond)
        assert kind == "OK"
        kind, data = imap.select("INBOX")
        assert kind == "OK", data
        return "OK", told
    except imaplib.IMAP4.error as error:
        return str(error), told
    finally:
        imap.shutdown()


for mechanism in ["OAUTHBEARER", "XOAUTH2"]:
    for token in tokens["good"]:
        assert attempt(mechanism, "alice", token) == ("OK", []), token
    for kind, code, status, http in [
        ("invalid", "AUTHENTICATIONFAILED", "invalid_token", "401"),
        ("expired", "EXPIRED", "invalid_token", "401"),
        ("scope", "AUTHORIZATIONFAILED", "insufficient_scope", "403"),
    ]:
        # Each costs the delay for a wrong password.
        for token in tokens[kind] if mechanism == "OAUTHBEARER" else tokens[kind][:1]:
            answer, told = attempt(mechanism, "alice", token)
            assert f"[{code}]" in answer, (kind, token, answer)
            if mechanism == "XOAUTH2":
                assert told == [{"status": http, "schemes": "bearer", "scope": "imap"}], told
            else:
                url = f"{issuer}/.well-known/openid-configuration"
                assert told == [{"status": status, "scope": "imap", "openid-configuration": url}], told
    answer, told = attempt(mechanism, "alice", tokens["foreign"][0])
    assert "[AUTHORIZATIONFAILED]" in answer and not told, (answer, told)

# SASL-IR, which imaplib does not do by itself, and a session that ends with its token: the clocks may differ by a minute.
with urllib.request.urlopen(f"{issuer}/token?-55") as answer:
    short = json.load(answer)
imap = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context)
initial = base64.b64encode(first("OAUTHBEARER", "alice", short)).decode()
imap.send(f"A1 AUTHENTICATE OAUTHBEARER {initial}\r\nA2 IDLE\r\n".encode())
line = imap.readline()
assert line.startswith(b"A1 OK [CAPABILITY"), line
assert imap.readline().startswith(b"+ ")
imap.sock.settimeout(60)
line = imap.readline()
assert line.startswith(b"* BYE [EXPIRED] the token has expired"), line
print("ok")
