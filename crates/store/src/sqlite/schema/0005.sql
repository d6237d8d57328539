-- Annotations (RFC 5464). mailbox_id 0: of the account as a whole. reader_id: the account whose private annotation it is;
-- 0: shared by all who may see the mailbox. entry: in lower case, without its first component, "/comment". One that was
-- removed stays as a row with is_gone, so that sessions can be told.
CREATE TABLE annotation (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    reader_id INTEGER NOT NULL,
    entry TEXT NOT NULL,
    is_gone INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, reader_id, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX annotation_modseq ON annotation (account_id, modseq);
