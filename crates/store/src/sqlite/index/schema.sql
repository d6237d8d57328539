-- The search index, a database of its own. It is never migrated: a program that has another version makes it anew.

-- Which messages have which trigrams of folded text, each as a word, nothing else: neither texts nor places. The row of a
-- message is account_id << 36 | message_id.
CREATE VIRTUAL TABLE gram USING fts5(
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

-- Up to which message, and which removals, each account is indexed, and when its texts were last searched (seconds since
-- 1970). An account that is not here is not indexed.
CREATE TABLE cursor (
    account_id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    searched INTEGER NOT NULL
) STRICT;

-- Messages of which only the beginning is indexed, by row.
CREATE TABLE partly (
    row INTEGER PRIMARY KEY
) STRICT;
