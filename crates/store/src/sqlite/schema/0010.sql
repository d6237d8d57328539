-- Sending (RFC 8621 §6 to §8). The last commit that changed each of these types.
ALTER TABLE account ADD COLUMN identity_modseq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN submission_modseq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN vacation_modseq INTEGER NOT NULL DEFAULT 0;

-- reply_to, bcc: a line for each address, with its name after a tab; NULL for none. is_own: made for an address that the
-- account has, and there for as long as it has it.
CREATE TABLE identity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    reply_to TEXT,
    bcc TEXT,
    text_signature TEXT NOT NULL,
    html_signature TEXT NOT NULL,
    is_own INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    created_modseq INTEGER NOT NULL
) STRICT;
CREATE INDEX identity_account ON identity (account_id, modseq);

-- What is on its way to somebody else, or was. undo: 0 pending, 1 final, 2 canceled. is_shown: it is an object of JMAP; without it
-- the row goes with its last recipient. blob_id: 0 once nothing is left to send. due_at: when it is tried next, NULL when nothing
-- is left to try. envelope_id: what reports name it by. dsn, mdn: ids of reports that have come, with spaces between.
CREATE TABLE submission (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    is_shown INTEGER NOT NULL,
    identity_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    header_message_id TEXT NOT NULL,
    blob_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mail_from TEXT NOT NULL,
    parameters TEXT,
    envelope_id TEXT NOT NULL,
    send_at INTEGER NOT NULL,
    undo INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER,
    ended_at INTEGER,
    dsn TEXT NOT NULL,
    mdn TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    created_modseq INTEGER NOT NULL
) STRICT;
CREATE INDEX submission_account ON submission (account_id, modseq);
CREATE INDEX submission_due ON submission (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX submission_ended ON submission (ended_at) WHERE ended_at IS NOT NULL;

-- fate: 0 queued, 1 in doubt (all of the content is, or is about to be, with the smarthost and its answer is not here), 2 relayed,
-- 3 delivered, 4 failed.
CREATE TABLE submission_recipient (
    submission_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    email TEXT NOT NULL,
    parameters TEXT,
    fate INTEGER NOT NULL,
    reply TEXT NOT NULL,
    is_displayed INTEGER NOT NULL,
    PRIMARY KEY (submission_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX submission_recipient_doubt ON submission_recipient (submission_id) WHERE fate = 1;

-- What is gone of these types. kind: 1 identity, 2 submission.
CREATE TABLE object_gone (
    account_id INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    created_modseq INTEGER NOT NULL,
    gone_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, modseq, kind, id)
) STRICT, WITHOUT ROWID;

-- Replies to whoever writes while the owner is away. No row is one that was never set.
CREATE TABLE vacation (
    account_id INTEGER NOT NULL PRIMARY KEY,
    is_enabled INTEGER NOT NULL,
    from_at INTEGER,
    to_at INTEGER,
    subject TEXT,
    text_body TEXT,
    html_body TEXT
) STRICT, WITHOUT ROWID;

-- Who has had the reply, in lower case.
CREATE TABLE vacation_reply (
    account_id INTEGER NOT NULL,
    sender TEXT NOT NULL,
    replied_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, sender)
) STRICT, WITHOUT ROWID;
