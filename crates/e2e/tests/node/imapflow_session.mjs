// Two clients of the package imapflow on one account: one is told in IDLE what the other does, and what it did while it
// was away by QRESYNC. Arguments: port, certificate, user, password. Prints "ok" at the end.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";

const [port, certificate, user, pass] = process.argv.slice(2);

async function connect() {
  const client = new ImapFlow({
    host: "localhost",
    port: Number(port),
    secure: true,
    qresync: true,
    logger: false,
    tls: { ca: readFileSync(certificate) },
    auth: { user, pass },
  });
  await client.connect();
  for (const name of ["CONDSTORE", "QRESYNC", "IMAP4REV2", "UTF8=ACCEPT"]) {
    assert(client.enabled.has(name), `${name} is enabled`);
  }
  return client;
}

// Events as they come, and a promise for the next of a kind that fits.
function listen(client) {
  const heard = [];
  const waiting = [];
  for (const name of ["expunge", "exists", "flags"]) {
    client.on(name, (event) => {
      heard.push({ name, ...event });
      waiting.splice(0).forEach((wake) => wake());
    });
  }
  const next = async (fits) => {
    for (;;) {
      const found = heard.find(fits);
      if (found) return found;
      await new Promise((resolve) => waiting.push(resolve));
    }
  };
  return { heard, next };
}

const watcher = await connect();
const other = await connect();
const { heard, next } = listen(watcher);

const opened = await watcher.mailboxOpen("INBOX");
assert.equal(opened.exists, 3);
const uids = [];
for await (const message of watcher.fetch("1:*", { uid: true, envelope: true })) {
  uids.push(message.uid);
  assert(message.envelope.subject);
}
assert.deepEqual(uids, [1, 2, 3]);
await watcher.mailboxClose();

// What happens while the watcher is away is told when it comes back, and nothing else.
await other.mailboxOpen("INBOX");
await other.messageFlagsAdd("1", ["\\Flagged"], { uid: true });
await other.messageDelete("2", { uid: true });
const { uid: fourth } = await other.append("INBOX", "Subject: fourth\r\n\r\nfourth\r\n");
const known = { uidValidity: opened.uidValidity, changedSince: opened.highestModseq };
const back = await watcher.mailboxOpen("INBOX", known);
assert.equal(back.qresync, true);
assert.equal(back.exists, 3);
const gone = heard.filter((event) => event.name === "expunge");
assert.deepEqual(gone.map(({ uid, vanished, earlier }) => [uid, vanished, earlier]), [[2, true, true]]);
const changed = heard.filter((event) => event.name === "flags").map(({ uid, flags }) => [uid, [...flags]]);
assert.deepEqual(changed, [[1, ["\\Flagged"]], [fourth, []]]);

// What happens while it idles is told at once.
heard.length = 0;
const idling = watcher.idle();
await other.messageFlagsAdd("3", ["\\Seen"], { uid: true });
await next((event) => event.name === "flags" && event.uid === 3 && event.flags.has("\\Seen"));
await other.append("INBOX", "Subject: fifth\r\n\r\nfifth\r\n");
await next((event) => event.name === "exists" && event.count === 4);
await other.messageMove("3", "Archive", { uid: true });
await next((event) => event.name === "expunge" && event.uid === 3 && event.vanished && !event.earlier);

// Names in UTF-8, and a search.
await other.mailboxCreate("Entwürfe");
assert((await other.list()).some((mailbox) => mailbox.path === "Entwürfe"));
assert.deepEqual(await other.search({ subject: "fifth" }, { uid: true }), [fourth + 1]);

await Promise.all([watcher.logout(), other.logout()]);
await idling;
console.log("ok");
process.exit(0);
