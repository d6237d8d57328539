"""Python's smtplib delivers over LMTP: an unknown recipient beside each, SMTPUTF8, dots at line starts.

Arguments: LMTP port, recipients. Ends with a line "ok"."""

import smtplib
import sys
from email.message import EmailMessage

port, *recipients = sys.argv[1:]


class LMTP(smtplib.LMTP):
    """smtplib's LMTP talks to the port as it is given."""


message = EmailMessage()
message["From"] = "Sénder <sender@test.invalid>"
message["To"] = ", ".join(recipients)
message["Subject"] = "Grüße, 世界"
message["Message-ID"] = "<smtplib@test.invalid>"
message.set_content("one line\n.a line with a dot\n..\n.\nthe end\n")

with LMTP("127.0.0.1", int(port)) as lmtp:
    # One accepted recipient at a time: smtplib reads a single reply after the data, LMTP sends one for each.
    for recipient in recipients:
        refused = lmtp.send_message(message, to_addrs=[recipient, "nobody-of-that-name"])
        assert list(refused) == ["nobody-of-that-name"], refused
        assert refused["nobody-of-that-name"][0] == 550, refused
print("ok")
