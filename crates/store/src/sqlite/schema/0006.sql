-- What JMAP's states and changes are made of (RFC 8620 §5.2).

-- The last commit that changed which emails are in which thread, and the last that brought a new one.
ALTER TABLE account ADD COLUMN thread_modseq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN delivery_modseq INTEGER NOT NULL DEFAULT 0;
UPDATE account SET thread_modseq = modseq, delivery_modseq = modseq;

-- When the message came into the account; a copy in each membership of it. 0: before this schema.
ALTER TABLE membership ADD COLUMN created_modseq INTEGER NOT NULL DEFAULT 0;

-- Copies of the membership that has gone. deleted_modseq: since when it had \Deleted and JMAP did not show it, 0 if it had not.
ALTER TABLE expunged ADD COLUMN thread_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE expunged ADD COLUMN created_modseq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE expunged ADD COLUMN deleted_modseq INTEGER NOT NULL DEFAULT 0;

-- counts_modseq: the last change of how many emails or threads are in it, or unread. `highest_modseq` counts flags, too.
ALTER TABLE mailbox ADD COLUMN sort_order INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN counts_modseq INTEGER NOT NULL DEFAULT 0;
UPDATE mailbox SET counts_modseq = highest_modseq;

-- Content that a client has sent and no message refers to yet. Each row counts as a reference to its blob.
CREATE TABLE upload (
    account_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    blob_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    uploaded_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
