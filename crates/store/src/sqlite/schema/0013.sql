-- Up to which MODSEQ a device has been told of others' mailboxes: one row for each account that its user is subscribed to
-- mailboxes of. A row opens nothing: the rights are asked for when something is told.
CREATE TABLE push_elsewhere (
    subscription_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, account_id)
) STRICT, WITHOUT ROWID;
-- Whom a change of an account may concern.
CREATE INDEX push_elsewhere_account ON push_elsewhere (account_id);
