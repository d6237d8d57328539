-- Subscriptions that are not Web Push: what their clients ask to be posted, the highest version that their endpoint has been
-- told, and when the endpoint was last proven to be the client's own.
ALTER TABLE push_subscription ADD COLUMN request TEXT NOT NULL DEFAULT '';
ALTER TABLE push_subscription ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_subscription ADD COLUMN confirmed_at INTEGER;
