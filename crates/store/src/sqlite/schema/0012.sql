-- Access control lists (RFC 4314). grantee_id: an account, 0: every account. is_negative: the rights are taken away. rights:
-- bits of `Rights`. The owner of a mailbox has no row: its rights are all, always.
CREATE TABLE acl (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    grantee_id INTEGER NOT NULL,
    is_negative INTEGER NOT NULL,
    rights INTEGER NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, grantee_id, is_negative)
) STRICT, WITHOUT ROWID;
-- Which accounts share something with one.
CREATE INDEX acl_grantee ON acl (grantee_id, account_id);
