// The package jmap-jam queries, reads by reference, writes, uploads and downloads. It knows tokens only, so the password is put
// in their place. Arguments: HTTPS port, user, password; NODE_EXTRA_CA_CERTS names the certificate. Prints "ok" at the end.
import assert from "node:assert/strict";
import { JamClient } from "jmap-jam";

const [port, user, password] = process.argv.slice(2);
const sessionUrl = `https://localhost:${port}/.well-known/jmap`;
const jam = new JamClient({ bearerToken: "none", sessionUrl });
jam.authHeader = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
jam.session = JamClient.loadSession(sessionUrl, jam.authHeader);

const accountId = await jam.getPrimaryAccount();
const [{ ids: [inbox] }] = await jam.api.Mailbox.query({ accountId, filter: { role: "inbox" } });
const [page] = await jam.requestMany((t) => {
  const query = t.Email.query({
    accountId,
    filter: { inMailbox: inbox },
    sort: [{ property: "receivedAt", isAscending: false }],
    limit: 50,
    calculateTotal: true,
  });
  const emails = t.Email.get({ accountId, ids: query.$ref("/ids"), properties: ["subject", "from", "threadId"] });
  const threads = t.Thread.get({ accountId, ids: emails.$ref("/list/*/threadId") });
  return { query, emails, threads };
});
assert.deepEqual(new Set(page.emails.list.map((email) => email.subject)), new Set(["first", "second", "third"]));
assert.equal(page.query.total, 3);
assert.equal(page.threads.list.length, 3);

const id = page.query.ids[0];
const [set] = await jam.api.Email.set({ accountId, update: { [id]: { "keywords/$flagged": true } } });
assert.deepEqual(set.updated, { [id]: null });
const [changes] = await jam.api.Email.changes({ accountId, sinceState: set.oldState });
assert.deepEqual([changes.created, changes.updated, changes.destroyed], [[], [id], []]);
const [queryChanges] = await jam.api.Email.queryChanges({
  accountId,
  filter: { hasKeyword: "$flagged" },
  sinceQueryState: set.oldState,
});
assert.deepEqual(queryChanges.added, [{ id, index: 0 }]);

const raw = "From: a@test.invalid\r\nSubject: uploaded\r\n\r\nHi\r\n";
const blob = await jam.uploadBlob(accountId, raw, { headers: { Authorization: jam.authHeader, "Content-Type": "message/rfc822" } });
assert.equal(blob.size, raw.length);
const [parsed] = await jam.api.Email.parse({ accountId, blobIds: [blob.blobId] });
assert.equal(parsed.parsed[blob.blobId].subject, "uploaded");
const [imported] = await jam.api.Email.import({ accountId, emails: { e: { blobId: blob.blobId, mailboxIds: { [inbox]: true } } } });
const back = await jam.downloadBlob({
  accountId,
  blobId: imported.created.e.blobId,
  mimeType: "message/rfc822",
  fileName: "a message.eml",
});
assert.equal(await back.text(), raw);
assert.equal(back.headers.get("content-type"), "message/rfc822");

await assert.rejects(jam.api.Email.get({ accountId: "A999", ids: [] }), (error) => {
  assert(JamClient.isProblemDetails(error));
  return error.type === "accountNotFound";
});
console.log("ok");
