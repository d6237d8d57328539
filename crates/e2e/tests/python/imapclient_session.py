"""IMAPClient reads, searches, sorts, threads, flags, copies, moves and idles: what it has a method for, and Mailbell answers.

Arguments: IMAPS port, TLS certificate, user, password. The messages "first", "second" and "third" are in INBOX. Ends
with a line "ok"."""

import datetime
import ssl
import sys

from imapclient import ANSWERED, DRAFT, FLAGGED, SEEN, IMAPClient
from imapclient.imapclient import JUNK, SENT, TRASH

port, certificate, user, password = sys.argv[1:]
LIMIT_SECONDS = 60


def connect():
    context = ssl.create_default_context(cafile=certificate)
    client = IMAPClient("localhost", int(port), ssl_context=context, timeout=LIMIT_SECONDS)
    client.login(user, password)
    return client


def idle_until(client, fits):
    """What IDLE tells, until something of it fits."""
    heard = []
    while not any(map(fits, heard)):
        told = client.idle_check(LIMIT_SECONDS)
        assert told, heard
        heard += told
    return heard


def pairs(items):
    return zip(items[::2], items[1::2])


client = connect()
for name in ("ENABLE", "IDLE", "MOVE", "NAMESPACE", "SORT", "THREAD=REFERENCES", "UIDPLUS", "MULTIAPPEND", "QUOTA"):
    assert client.has_capability(name), client.capabilities()
assert "Mailbell" in repr(client.id_({"name": "IMAPClient"}))
assert client.namespace().personal == (("", "/"),), client.namespace()
assert client.enable("CONDSTORE") == [b"CONDSTORE"]
for flag, name in ((SENT, "Sent"), (TRASH, "Trash"), (JUNK, "Junk")):
    assert client.find_special_folder(flag) == name, flag

# Names outside of ASCII, subscriptions, STATUS.
client.create_folder("Entwürfe & Ähnliches")
assert client.folder_exists("Entwürfe & Ähnliches")
client.subscribe_folder("Entwürfe & Ähnliches")
assert "Entwürfe & Ähnliches" in [name for *_, name in client.list_sub_folders()]
client.unsubscribe_folder("Entwürfe & Ähnliches")
assert "Entwürfe & Ähnliches" not in [name for *_, name in client.list_sub_folders()]
client.rename_folder("Entwürfe & Ähnliches", "Ablage")
assert "Ablage" in [name for *_, name in client.list_folders()]
status = client.folder_status("INBOX", ["MESSAGES", "UNSEEN", "UIDNEXT", "HIGHESTMODSEQ"])
assert (status[b"MESSAGES"], status[b"UNSEEN"], status[b"UIDNEXT"]) == (3, 3, 4), status

opened = client.select_folder("INBOX")
assert opened[b"EXISTS"] == 3 and opened[b"UIDNEXT"] == 4, opened
assert status[b"HIGHESTMODSEQ"] == opened[b"HIGHESTMODSEQ"], (status, opened)
assert client.search() == [1, 2, 3]
assert client.search(["SUBJECT", "second"]) == [2]
assert client.search(["NOT", ["OR", "SUBJECT", "second", "BODY", "third body"]]) == [1]
assert client.search(["TEXT", "ü"], "UTF-8") == []
assert client.search(["SINCE", datetime.date(2020, 1, 1), "UNSEEN"]) == [1, 2, 3]
assert client.sort("REVERSE SUBJECT") == [3, 2, 1]
assert client.sort(["ARRIVAL"], ["UNSEEN"]) == [1, 2, 3]
assert sorted(client.thread()) == [(1,), (2,), (3,)]
modseq = client.search(["MODSEQ", "1"]).modseq
assert modseq == opened[b"HIGHESTMODSEQ"], modseq

found = client.fetch([1, 2], ["ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "RFC822.SIZE", "FLAGS", "MODSEQ"])
assert sorted(found) == [1, 2]
envelope = found[1][b"ENVELOPE"]
assert envelope.subject == b"first" and str(envelope.from_[0]) == "A Sender <sender@test.invalid>", envelope
assert envelope.message_id == b"<first@test.invalid>" and envelope.date.year == 2026, envelope
assert [word.lower() for word in found[1][b"BODYSTRUCTURE"][:2]] == [b"text", b"plain"]
assert not found[1][b"BODYSTRUCTURE"].is_multipart
assert abs(found[1][b"INTERNALDATE"] - datetime.datetime.now()) < datetime.timedelta(days=1)
assert client.fetch(3, ["BODY.PEEK[TEXT]"])[3][b"BODY[TEXT]"] == b"third body\r\n"
assert client.get_flags([3]) == {3: ()}
assert b"third body" in client.fetch(3, ["RFC822"])[3][b"RFC822"]
assert client.get_flags([3]) == {3: (rb"\Seen",)}

assert client.add_flags([1, 2], [FLAGGED, "$Work"])[2] == (rb"\Flagged", b"$Work")
assert client.remove_flags([2], [FLAGGED])[2] == (b"$Work",)
assert client.set_flags([2], [ANSWERED])[2] == (rb"\Answered",)
changed = client.fetch([1, 2, 3], ["FLAGS"], [f"CHANGEDSINCE {modseq}"])
assert sorted(changed) == [1, 2, 3] and all(b"MODSEQ" in item for item in changed.values()), changed

# One watches while the other changes.
watcher = connect()
watcher.select_folder("INBOX", readonly=True)
watcher.idle()
client.copy([1], "Ablage")
client.move([2], "Ablage")
idle_until(watcher, lambda told: told == (2, b"EXPUNGE"))
when = datetime.datetime(2020, 2, 29, 12, 0, tzinfo=datetime.timezone.utc)
answer = client.append("INBOX", b"Subject: fourth\r\n\r\nfourth\r\n", [SEEN], when)
assert b"APPENDUID" in answer and answer.split()[2].startswith(b"4]"), answer
idle_until(watcher, lambda told: told == (3, b"EXISTS"))
client.add_flags([4], ["\\Deleted"])
idle_until(watcher, lambda told: told[:2] == (3, b"FETCH") and rb"\Deleted" in dict(pairs(told[2]))[b"FLAGS"])
client.multiappend("INBOX", [b"Subject: fifth\r\n\r\n", {"msg": b"Subject: sixth\r\n\r\n", "flags": [DRAFT]}])
idle_until(watcher, lambda told: told[1] == b"EXISTS" and told[0] == 5)
client.uid_expunge([4])
idle_until(watcher, lambda told: told == (3, b"EXPUNGE"))
watcher.idle_done()
assert watcher.search() == [1, 3, 5, 6]
assert watcher.get_flags([6]) == {6: (rb"\Draft",)}
client.delete_messages([5])
told = client.expunge()
assert (3, b"EXPUNGE") in told[1], told
assert (3, b"EXPUNGE") in watcher.noop()[1]

mailbox_roots, quotas = client.get_quota_root("INBOX")
assert mailbox_roots.mailbox == "INBOX", (mailbox_roots, quotas)
client.unselect_folder()
client.select_folder("Ablage")
assert client.search() == [1, 2]
client.close_folder()
client.delete_folder("Ablage")
assert not client.folder_exists("Ablage")
watcher.logout()
client.logout()
print("ok")
