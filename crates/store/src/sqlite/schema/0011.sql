-- Subscriptions of JMAP (kind 3): what the client calls its device, when it ends, and how many wrong codes were shown. Their
-- token stays when they are active, for clients ask for it.
ALTER TABLE push_subscription ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE push_subscription ADD COLUMN expires_at INTEGER;
ALTER TABLE push_subscription ADD COLUMN wrong_codes INTEGER NOT NULL DEFAULT 0;
-- When each ends: one that is not verified, with its code.
CREATE INDEX push_subscription_end ON push_subscription
    (min(expires_at, iif(state = 0, token_expires_at, expires_at))) WHERE expires_at IS NOT NULL;
