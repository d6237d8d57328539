"""Delivers with Python's smtplib over LMTP; prints ok, or fails with what went wrong.

usage: deliver.py HOST PORT
"""

import smtplib
import sys
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8


def message(subject, policy):
    made = EmailMessage(policy=policy)
    made["From"] = "sender@example.net"
    made["To"] = "alice@localhost"
    made["Subject"] = subject
    made.set_content("text\n.dot\n")
    return made


def main(host, port):
    with smtplib.LMTP(host, port, local_hostname="client.example") as client:
        client.ehlo()
        for extension in ("pipelining", "enhancedstatuscodes", "8bitmime", "chunking", "smtputf8", "starttls"):
            assert client.has_extn(extension), extension
        assert int(client.esmtp_features["size"]) == 1 << 20, client.esmtp_features

        assert client.send_message(message("plain", SMTP), "sender@example.net", ["alice"]) == {}
        refused = client.send_message(message("partly", SMTP), "sender@example.net", ["nobody", "alice@localhost"])
        assert refused["nobody"][0] == 550, refused
        assert client.send_message(message("Grüße", SMTPUTF8), "jürgen@example.net", ["grün@bücher.example"]) == {}

        try:
            client.sendmail("sender@example.net", ["alice"], "x" * ((1 << 20) + 1))
        except smtplib.SMTPResponseException as error:
            assert error.smtp_code == 552, error
        else:
            raise AssertionError("a message over the limit was taken")
        code, _ = client.docmd("NOOP")
        assert code == 250, code
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
