-- The messages of a mailbox by when they came, so that the newest are read without looking at the others.
CREATE INDEX membership_received ON membership (account_id, mailbox_id, received_at, message_id);
