-- Content by a number instead of by its hash, so that new content goes to the end of a table and not to a page of an
-- index that no other message of the commit touches. `is_findable`: the same content is looked for by its hash, and
-- stored once however it comes; what LMTP delivers is unlike anything else by its trace fields, and is shared by the
-- recipients of one delivery only. blob_data has the same id; without a row there, file_name names a file.
CREATE TABLE blob_numbered (
    id INTEGER PRIMARY KEY,
    refs INTEGER NOT NULL,
    size INTEGER NOT NULL,
    freed_at INTEGER NOT NULL,
    is_findable INTEGER NOT NULL,
    hash BLOB NOT NULL,
    file_name TEXT NOT NULL
) STRICT;
INSERT INTO blob_numbered (id, refs, size, freed_at, is_findable, hash, file_name)
    SELECT data_id, refs, size, freed_at, 1, hash, '' FROM blob WHERE file_name = '';
INSERT INTO blob_numbered (refs, size, freed_at, is_findable, hash, file_name)
    SELECT refs, size, freed_at, 1, hash, file_name FROM blob WHERE file_name <> '';
DROP TABLE blob;
ALTER TABLE blob_numbered RENAME TO blob;
CREATE UNIQUE INDEX blob_hash ON blob (hash) WHERE is_findable = 1;
CREATE INDEX blob_freed ON blob (freed_at) WHERE refs = 0;

CREATE TABLE message_numbered (
    account_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    structure BLOB NOT NULL,
    summary BLOB NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO message_numbered (account_id, id, thread_id, size, received_at, blob_id, envelope, structure, summary)
    SELECT m.account_id, m.id, m.thread_id, m.size, m.received_at, ifnull(b.id, 0), m.envelope, m.structure, m.summary
    FROM message m LEFT JOIN blob b ON b.hash = m.blob_hash AND b.is_findable = 1 ORDER BY m.account_id, m.id;
DROP TABLE message;
ALTER TABLE message_numbered RENAME TO message;
-- The first message of a thread has its id: only the others have to be found, and most messages have no others.
CREATE INDEX message_thread ON message (account_id, thread_id) WHERE thread_id <> id;
