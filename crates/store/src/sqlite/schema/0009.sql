-- What its user calls a push subscription, empty: nothing yet; and when its push service last answered.
ALTER TABLE push_subscription ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE push_subscription ADD COLUMN last_answer_at INTEGER;
