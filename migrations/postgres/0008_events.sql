-- Trigger events. An event never changes: its position is its key, and its id is found through the log.
CREATE TABLE events (
  position BIGINT PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL,
  namespace TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C",
  at BIGINT NOT NULL
);
CREATE INDEX events_by_type ON events (type, position);
