-- The first schema. Every table is STRICT and every key is led by the owner's account, so that accounts can be
-- spread over several databases. Rows that FETCH and the change log read in ranges are clustered (WITHOUT ROWID).
-- Times are seconds since 1970. Where 0 stands for "none", the column says so.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('epoch', 1);

-- AUTOINCREMENT: an id is never given twice, also after the account is gone.
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    -- The log of what is gone is complete for readers from here on.
    horizon INTEGER NOT NULL,
    used_bytes INTEGER NOT NULL,
    quota_bytes INTEGER,
    next_message_id INTEGER NOT NULL,
    next_mailbox_id INTEGER NOT NULL,
    last_uid_validity INTEGER NOT NULL,
    -- One salt for all of an account's passwords: trying a password costs one Argon2id, however many there are.
    salt BLOB NOT NULL
) STRICT;

-- Names and aliases together, so that neither can be taken twice. `folded` is the name in ASCII lower case.
CREATE TABLE account_name (
    folded TEXT NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    is_alias INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_name_account ON account_name (account_id);

-- Accounts whose rows are still being removed in the background.
CREATE TABLE account_gone (
    id INTEGER PRIMARY KEY
) STRICT;

-- kind: 0 main, 1 app. scheme: parameters of the hash, see `password.rs`.
CREATE TABLE credential (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    scheme INTEGER NOT NULL,
    hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
CREATE UNIQUE INDEX credential_account_name ON credential (account_id, kind, name);

-- `modseq`, `credential_id`, `session_id`: the last change of the mailbox itself (made, renamed, (un)subscribed).
-- `highest_modseq`: the last change of a message in it. special_use: 0 none. 0 for credential and session: none.
CREATE TABLE mailbox (
    account_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    special_use INTEGER NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL,
    highest_modseq INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    created_modseq INTEGER NOT NULL,
    credential_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    old_name TEXT NOT NULL,
    renamed_modseq INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mailbox_name ON mailbox (account_id, name);

CREATE TABLE mailbox_gone (
    account_id INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    credential_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    gone_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, modseq, id)
) STRICT, WITHOUT ROWID;

-- Names, not mailboxes: a subscription outlives its mailbox (RFC 9051 §6.3.7).
CREATE TABLE subscribed (
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE keyword (
    account_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    PRIMARY KEY (account_id, position)
) STRICT, WITHOUT ROWID;

-- A message's place in a mailbox. Flags but \Deleted belong to the message, and every membership of it holds the
-- same ones: changing a flag then writes narrow rows only. Thread, size and received_at are copies, too.
CREATE TABLE membership (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    flags_low INTEGER NOT NULL,
    flags_high INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    arrived_modseq INTEGER NOT NULL,
    arrived_cause INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    credential_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_modseq ON membership (account_id, modseq);
CREATE INDEX membership_message ON membership (account_id, message_id);

-- What has gone from a mailbox. Led by MODSEQ, because it is only ever read as "since".
CREATE TABLE expunged (
    account_id INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    credential_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    gone_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, modseq, mailbox_id, uid)
) STRICT, WITHOUT ROWID;

-- Lives as long as it is in a mailbox. Narrow columns first: reading them does not touch what is wide.
CREATE TABLE message (
    account_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    blob_hash BLOB NOT NULL,
    envelope BLOB NOT NULL,
    structure BLOB NOT NULL,
    summary BLOB NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_thread ON message (account_id, thread_id);

-- key: 64 bits of BLAKE3 over a message identifier and the base subject (RFC 8621 §3 asks for both to match).
CREATE TABLE thread_key (
    account_id INTEGER NOT NULL,
    key INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;

-- Content, once in this database. refs counts rows of `message`; freed_at is 0 while refs is not. data_id: the row
-- of blob_data, or 0 with file_name. Data stands apart, so that counting does not rewrite it.
CREATE TABLE blob (
    hash BLOB NOT NULL PRIMARY KEY,
    refs INTEGER NOT NULL,
    size INTEGER NOT NULL,
    freed_at INTEGER NOT NULL,
    data_id INTEGER NOT NULL,
    file_name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_freed ON blob (freed_at) WHERE refs = 0;
CREATE TABLE blob_data (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

-- state: 0 pending, 1 active, 2 inactive. vapid_key: the key acknowledged under or, pending, to be acknowledged under.
CREATE TABLE push_subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    credential_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    public_key BLOB NOT NULL,
    auth BLOB NOT NULL,
    enabled TEXT NOT NULL,
    state INTEGER NOT NULL,
    vapid_key TEXT NOT NULL,
    token TEXT NOT NULL,
    token_expires_at INTEGER NOT NULL,
    token_sent INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    silenced_until INTEGER,
    silenced_at INTEGER,
    cursor INTEGER NOT NULL,
    vapid_notice TEXT,
    failures INTEGER NOT NULL,
    next_attempt_at INTEGER,
    last_push_at INTEGER,
    last_answer TEXT
) STRICT;
CREATE UNIQUE INDEX push_subscription_client ON push_subscription (account_id, kind, client_id);
