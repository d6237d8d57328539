-- SCRAM (RFC 5802 §3). One salt and one count of iterations for all of an account's passwords, as with Argon2id: the
-- server names both before it can know which password is meant. Other bytes than `salt`, because this one is told to
-- whoever asks.
ALTER TABLE account ADD COLUMN scram_salt BLOB NOT NULL DEFAULT x'';
ALTER TABLE account ADD COLUMN scram_iterations INTEGER NOT NULL DEFAULT 50000;
UPDATE account SET scram_salt = randomblob(16);

-- Empty in a credential that is older than this schema, until its password is next shown in full.
ALTER TABLE credential ADD COLUMN scram_stored_key BLOB NOT NULL DEFAULT x'';
ALTER TABLE credential ADD COLUMN scram_server_key BLOB NOT NULL DEFAULT x'';

-- Random keys of this store. 'scram': makes the salts of accounts that don't exist.
CREATE TABLE secret (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO secret (name, value) VALUES ('scram', randomblob(32));
