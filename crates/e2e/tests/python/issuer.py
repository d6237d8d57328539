"""An issuer of tokens on loopback, of PyJWT and the standard library.

issuer.py DIRECTORY prints its URL, then serves /jwks and /introspect until it is killed. It writes a good token for
alice to DIRECTORY/alice.token and others to DIRECTORY/tokens.json. GET /token?SECONDS answers with one that ends so much later.
"""

import base64
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

directory = sys.argv[1]
KEYS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
FOREIGN = ec.generate_private_key(ec.SECP256R1())
ALGORITHMS = jwt.algorithms.get_default_algorithms()
BASIC = "Basic " + base64.b64encode(b"mailbell:s3cret").decode()


def jwks():
    keys = []
    for name, key in KEYS.items():
        public = ALGORITHMS[name].to_jwk(key.public_key(), as_dict=True)
        keys.append({**public, "kid": name, "use": "sig", "alg": name})
    return {"keys": keys}


class Handler(BaseHTTPRequestHandler):
    def answer(self, body, status=200):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/jwks":
            self.answer(jwks())
        elif path == "/token":
            self.answer(token("ES256", exp=int(time.time()) + int(query)))
        else:
            self.answer({}, 404)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path != "/introspect" or self.headers["Authorization"] != BASIC:
            return self.answer({}, 401)
        if form["token"] != ["opaque-of-alice"]:
            return self.answer({"active": False})
        claims = {"active": True, "scope": "imap", "aud": "mail", "email": "alice@localhost"}
        return self.answer({**claims, "exp": int(time.time()) + 600})

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
URL = f"http://127.0.0.1:{server.server_port}"


def token(algorithm, key=None, **changes):
    claims = {"iss": URL, "aud": ["mail"], "scope": "openid imap", "email": "alice@localhost"}
    claims |= {"exp": int(time.time()) + 600, "iat": int(time.time())} | changes
    return jwt.encode(claims, key or KEYS[algorithm], algorithm=algorithm, headers={"kid": algorithm})


tokens = {
    "good": [token(algorithm) for algorithm in KEYS] + ["opaque-of-alice"],
    "invalid": [
        token("ES256", key=FOREIGN),
        token("ES256", aud="other"),
        "opaque-of-nobody",
    ],
    "expired": [token("EdDSA", exp=int(time.time()) - 600)],
    "scope": [token("RS256", scope="openid")],
    "foreign": [token("ES256", email="bob@localhost")],
}
with open(f"{directory}/alice.token", "w") as file:
    # neomutt takes no longer ones than 512 bytes.
    file.write(tokens["good"][3])
with open(f"{directory}/tokens.json", "w") as file:
    json.dump(tokens, file)
print(URL, flush=True)
server.serve_forever()
