-- What ended the right to be there: a password changed, an app password revoked, an account removed (credential 0: all of
-- it). Read by servers whose sessions have to end; rows are removed after a week.
CREATE TABLE revocation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    credential_id INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT;
