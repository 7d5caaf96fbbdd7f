-- Builds as they are now.
CREATE TABLE builds (
  id TEXT PRIMARY KEY,
  created_position INTEGER NOT NULL,
  function TEXT NOT NULL,
  namespace TEXT NOT NULL,
  state TEXT NOT NULL,
  source TEXT NOT NULL,
  manifest TEXT,
  node TEXT,
  version INTEGER,
  git_commit TEXT,
  error TEXT,
  requested_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  position INTEGER NOT NULL
) STRICT;
CREATE INDEX builds_by_function ON builds (function, created_position, id);
CREATE INDEX builds_open ON builds (created_position) WHERE state IN ('QUEUED', 'RUNNING');
