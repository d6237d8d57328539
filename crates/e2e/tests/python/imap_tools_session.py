"""imap-tools queries, reads attachments, flags, copies, moves, appends and idles over STARTTLS.

Arguments: IMAP port, TLS certificate, user, password. The messages "first", "second" and "third" are in INBOX. Ends
with a line "ok"."""

import datetime
import ssl
import sys
from email.message import EmailMessage

from imap_tools import AND, NOT, OR, Header, MailBoxStartTls, MailMessageFlags, UidRange

port, certificate, user, password = sys.argv[1:]
LIMIT_SECONDS = 60


def connect():
    context = ssl.create_default_context(cafile=certificate)
    return MailBoxStartTls("localhost", int(port), timeout=LIMIT_SECONDS, ssl_context=context)


def with_attachment():
    message = EmailMessage()
    message["From"] = "Ärger Müller <a@test.invalid>"
    message["To"] = "alice@localhost, Bob <bob@localhost>"
    message["Subject"] = "Grüße aus Köln"
    message["Date"] = "Mon, 23 Nov 2026 08:00:00 +0100"
    message["X-Priority"] = "1"
    message.set_content("Schöne Grüße\n")
    message.add_alternative("<p>Schöne Grüße</p>\n", subtype="html")
    message.add_attachment(bytes(range(256)) * 64, maintype="application", subtype="octet-stream", filename="öl.bin")
    return message.as_bytes()


with connect().login(user, password) as mailbox:
    assert [message.subject for message in mailbox.fetch(mark_seen=False)] == ["first", "second", "third"]
    assert [message.flags for message in mailbox.fetch(headers_only=True, mark_seen=False, bulk=True)] == [()] * 3
    assert [message.uid for message in mailbox.fetch(AND(subject="second"), bulk=2)] == ["2"]
    assert mailbox.uids(AND(seen=True)) == ["2"]
    assert mailbox.uids("ALL", sort="REVERSE SUBJECT") == ["3", "2", "1"]
    assert mailbox.numbers_to_uids(mailbox.numbers("ALL")) == ["1", "2", "3"]
    assert [message.uid for message in mailbox.fetch(reverse=True, limit=2, mark_seen=False)] == ["3", "2"]

    # Queries with charsets, dates, headers and ranges.
    mailbox.append(with_attachment(), "INBOX", datetime.datetime(2026, 11, 23, 7, 0, tzinfo=datetime.timezone.utc))
    day = datetime.date(2026, 11, 23)
    for query, uids in (
        (AND(subject="Grüße"), ["4"]),
        (AND(body="Schöne"), ["4"]),
        (AND(from_="Müller", to="bob@localhost"), ["4"]),
        (AND(date=day, sent_date=day), ["4"]),
        (AND(sent_date_lt=day), ["1", "2", "3"]),
        (AND(header=Header("X-Priority", "1")), ["4"]),
        (AND(uid=UidRange("3", "*")), ["3", "4"]),
        (OR(AND(subject="first"), AND(size_gt=10_000)), ["1", "4"]),
        (AND(NOT(subject="first"), all=True, size_lt=10_000), ["2", "3"]),
    ):
        assert mailbox.uids(query, "UTF-8") == uids, (str(query), mailbox.uids(query, "UTF-8"))
    (message,) = mailbox.fetch(AND(uid="4"))
    assert (message.subject, message.from_values.name) == ("Grüße aus Köln", "Ärger Müller")
    assert message.text.strip() == "Schöne Grüße" and "<p>" in message.html
    (attachment,) = message.attachments
    assert attachment.filename == "öl.bin" and attachment.payload == bytes(range(256)) * 64
    assert 20_000 < message.size_rfc822 < 40_000

    # Flags, folders, copies and moves.
    mailbox.flag(["1", "3"], [MailMessageFlags.FLAGGED, "Project"], True)
    assert mailbox.uids(AND(flagged=True, keyword="Project")) == ["1", "3"]
    mailbox.flag("3", MailMessageFlags.FLAGGED, False)
    assert mailbox.uids(AND(flagged=True)) == ["1"]
    mailbox.folder.create("Projekte/Köln")
    mailbox.folder.subscribe("Projekte/Köln", True)
    assert [folder.name for folder in mailbox.folder.list(subscribed_only=True) if "K" in folder.name] == ["Projekte/Köln"]
    mailbox.copy(["1", "4"], "Projekte/Köln")
    mailbox.move("2", "Projekte/Köln", chunks=1)
    status = mailbox.folder.status("Projekte/Köln")
    assert (status["MESSAGES"], status["UIDNEXT"], status["UNSEEN"]) == (3, 4, 1), status
    mailbox.folder.rename("Projekte/Köln", 'Say "Köln"')
    assert mailbox.folder.exists('Say "Köln"')
    mailbox.folder.set('Say "Köln"')
    assert [message.subject for message in mailbox.fetch(AND(flagged=True))] == ["first"]
    mailbox.delete(["1", "2"])
    assert mailbox.uids() == ["3"]
    mailbox.folder.set("INBOX")

    # IDLE says what another session does.
    with connect().login(user, password) as other:
        with mailbox.idle as idle:
            other.append(b"Subject: fifth\r\n\r\nfifth\r\n")
            heard = []
            while not any(line == b"* 4 EXISTS" for line in heard):
                told = idle.poll(LIMIT_SECONDS)
                assert told, heard
                heard += told
    assert mailbox.uids(AND(subject="fifth")) == ["5"]
    mailbox.folder.set("Trash")
    mailbox.folder.delete('Say "Köln"')
    assert not mailbox.folder.exists('Say "Köln"')
print("ok")
