-- Trigger events. An event never changes: its position is its key, and its id is found through the log.
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  namespace TEXT NOT NULL,
  type TEXT NOT NULL,
  source TEXT NOT NULL,
  event_id TEXT NOT NULL,
  subject TEXT,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_type ON events (type, position);
