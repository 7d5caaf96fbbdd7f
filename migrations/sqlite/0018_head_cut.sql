-- Old records are removed. `cut`: up to this position there may be holes in the log. `removed`: how many records are gone;
-- whoever appends compares it with what it knows, because a stream that is gone begins anew.
ALTER TABLE head ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
