"""The package jmapc reads, searches, writes a draft with an attachment, and hears of changes.

Arguments: HTTPS port, user, password. The certificate is named by REQUESTS_CA_BUNDLE. Three messages are in INBOX. Ends with
a line "ok"."""

import pathlib
import sys
import tempfile
import threading

from jmapc import (
    Client,
    Comparator,
    Email,
    EmailAddress,
    EmailBodyPart,
    EmailBodyValue,
    EmailQueryFilterCondition,
    EventSourceConfig,
    MailboxQueryFilterCondition,
    Ref,
)
from jmapc.methods import (
    CoreEcho,
    EmailChanges,
    EmailCopy,
    EmailGet,
    EmailQuery,
    EmailSet,
    IdentityGet,
    MailboxGet,
    MailboxQuery,
    SearchSnippetGet,
    ThreadGet,
)

port, user, password = sys.argv[1:]
client = Client.create_with_password(
    f"localhost:{port}", user, password, event_source_config=EventSourceConfig(closeafter="state")
)
assert client.account_id.startswith("A"), client.account_id
assert client.request(CoreEcho(data={"hello": "world"})).data == {"hello": "world"}

inbox, drafts = (
    client.request(MailboxQuery(filter=MailboxQueryFilterCondition(role=role))).ids[0] for role in ("inbox", "drafts")
)
names = client.request(MailboxGet(ids=[inbox, drafts])).data
assert [box.name for box in names] == ["Inbox", "Drafts"], names

answers = client.request(
    [
        EmailQuery(
            filter=EmailQueryFilterCondition(in_mailbox=inbox),
            sort=[Comparator(property="receivedAt", is_ascending=True)],
            limit=2,
        ),
        EmailGet(ids=Ref("/ids"), fetch_all_body_values=True),
        ThreadGet(ids=Ref("/list/*/threadId")),
    ],
    raise_errors=True,
)
first, second = answers[1].response.data
assert (first.subject, first.mail_from[0].email) == ("first", "sender@test.invalid"), first
assert first.body_values[first.text_body[0].part_id].value == "first body\n", first
assert [thread.email_ids for thread in answers[2].response.data] == [[first.id], [second.id]], answers[2]

query = EmailQueryFilterCondition(text="second")
found = client.request(EmailQuery(filter=query))
assert found.ids == [second.id], found
snippet = client.request(SearchSnippetGet(ids=found.ids, filter=query)).data[0]
assert (snippet.subject, snippet.preview) == ("<mark>second</mark>", "<mark>second</mark> body"), snippet

before = client.request(EmailGet(ids=[])).state
with tempfile.TemporaryDirectory() as directory:
    notes, back = pathlib.Path(directory, "notes.txt"), pathlib.Path(directory, "back.txt")
    notes.write_text("some notes\n")
    blob = client.upload_blob(notes)
    draft = Email(
        mail_from=[EmailAddress(name="Alice", email="alice@localhost")],
        subject="a draft of jmapc's",
        keywords={"$draft": True},
        mailbox_ids={drafts: True},
        body_values={"body": EmailBodyValue(value="see below\n")},
        text_body=[EmailBodyPart(part_id="body", type="text/plain")],
        attachments=[EmailBodyPart(blob_id=blob.id, type="text/plain", name="notes.txt")],
    )
    made = client.request(EmailSet(create={"d": draft}))
    assert not made.not_created, made
    draft = client.request(EmailGet(ids=[made.created["d"].id])).data[0]
    assert draft.has_attachment is True and draft.keywords == {"$draft": True}, draft
    client.download_attachment(draft.attachments[0], back)
    assert back.read_text() == "some notes\n", back.read_text()

client.request(EmailSet(update={first.id: {"keywords/$seen": True}}, destroy=[second.id]))
changes = client.request(EmailChanges(since_state=before))
told = (changes.created, changes.updated, changes.destroyed)
assert told == ([draft.id], [first.id], [second.id]), told

copied = client.request(EmailCopy(from_account_id=client.account_id, create={"x": Email(id=first.id)}))
assert copied.type == "invalidArguments", copied
unknown = client.request(EmailChanges(since_state="x"))
assert unknown.type == "cannotCalculateChanges", unknown

# Changes until one is told: the first may come before the server listens.
heard = []
listener = threading.Thread(target=lambda: heard.append(next(iter(client.events))))
listener.start()
flagged = True
while listener.is_alive():
    client.request(EmailSet(update={first.id: {"keywords/$flagged": flagged or None}}))
    flagged = not flagged
    listener.join(0.2)
changed = heard[0].data.changed[client.account_id]
assert changed.email and changed.thread is None, heard
print("ok")
