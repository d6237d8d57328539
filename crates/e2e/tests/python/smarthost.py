"""A smarthost: aiosmtpd with STARTTLS and AUTH. Prints its port, then each message that it takes as a line of JSON.

Arguments: certificate, key (PEM), user, password.
"""

import json
import socket
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

CERTIFICATE, KEY, USER, PASSWORD = sys.argv[1:5]


def authenticate(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
    return AuthResult(success=right)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        message = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.original_content.decode(),
            "authenticated": session.authenticated,
            "tls": session.ssl is not None,
        }
        print(json.dumps(message), flush=True)
        return "250 2.0.0 taken"


with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
controller = Controller(
    Handler(),
    hostname="127.0.0.1",
    port=PORT,
    ready_timeout=60,
    tls_context=context,
    require_starttls=True,
    auth_required=True,
    authenticator=authenticate,
)
controller.start()
print(PORT, flush=True)
threading.Event().wait()
