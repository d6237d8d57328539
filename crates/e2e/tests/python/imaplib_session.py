"""Python's imaplib reads, flags, copies, moves and expunges: a session as a script of a user's would have it.

Arguments: IMAP port, TLS certificate, user, password. Three messages are in INBOX. Ends with a line "ok"."""

import imaplib
import ssl
import sys
import time

port, certificate, user, password = sys.argv[1:]


def check(answer, *wanted):
    status, data = answer
    assert status == "OK", answer
    for item in wanted:
        assert item in repr(data), (item, data)
    return data


context = ssl.create_default_context(cafile=certificate)
imap = imaplib.IMAP4("localhost", int(port))
assert "STARTTLS" in imap.capabilities, imap.capabilities
check(imap.starttls(context))
check(imap.login(user, password))
for name in ("INBOX", "Drafts", "Sent", "Junk", "Trash"):
    check(imap.list('""', name), name)

assert check(imap.select("INBOX")) == [b"3"]
assert check(imap.search(None, "ALL")) == [b"1 2 3"]
assert check(imap.search(None, "SUBJECT", '"second"')) == [b"2"]
assert check(imap.search(None, "UNSEEN", "BODY", '"third body"')) == [b"3"]
check(imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"), "first", "ENVELOPE")
check(imap.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"), "Subject: first")
check(imap.fetch("2", "(BODY[])"), "second body")
check(imap.fetch("2", "(FLAGS)"), "\\\\Seen")
check(imap.store("1", "+FLAGS", "(\\Flagged $Label1)"), "\\\\Flagged", "$Label1")
check(imap.store("1", "-FLAGS.SILENT", "(\\Flagged)"))
assert check(imap.search(None, "UNFLAGGED", "KEYWORD", "$Label1")) == [b"1"]

check(imap.create('"Caf&AOk-"'))
check(imap.copy("1:2", '"Caf&AOk-"'))
check(imap.status('"Caf&AOk-"', "(MESSAGES UNSEEN UIDNEXT)"), "MESSAGES 2", "UNSEEN 1", "UIDNEXT 3")
check(imap.uid("MOVE", "3", "Trash"))
assert check(imap.search(None, "ALL")) == [b"1 2"]
check(imap.append("Drafts", "\\Draft", imaplib.Time2Internaldate(time.time()), b"Subject: draft\r\n\r\nnot sent\r\n"))
check(imap.select("Drafts", readonly=True))
check(imap.fetch("1", "(FLAGS BODY.PEEK[TEXT])"), "\\\\Draft", "not sent")

check(imap.select("INBOX"))
check(imap.store("1", "+FLAGS", "(\\Deleted)"))
assert check(imap.expunge()) == [b"1"]
assert check(imap.search(None, "ALL")) == [b"1"]
check(imap.close())
check(imap.rename('"Caf&AOk-"', "Renamed/Below"))
check(imap.list('""', "Renamed*"), "Renamed/Below")
check(imap.delete("Renamed/Below"))
assert imap.select("Renamed/Below")[0] == "NO"
imap.logout()
print("ok")
