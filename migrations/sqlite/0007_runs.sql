-- Runs as they are now. The key is the position of the run's first record: a run is found by its id through the log's own
-- index on (stream, version), so that the busiest table needs no index on ids.
CREATE TABLE runs (
  created_position INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  function TEXT NOT NULL,
  namespace TEXT NOT NULL,
  state TEXT NOT NULL,
  trigger TEXT NOT NULL,
  event TEXT,
  version INTEGER,
  attempts INTEGER NOT NULL,
  node TEXT,
  instance TEXT,
  http_status INTEGER,
  exit_code INTEGER,
  error TEXT,
  cold_start INTEGER NOT NULL,
  replayed_from TEXT,
  queued_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  due INTEGER,
  position INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_by_function ON runs (function, created_position);
CREATE INDEX runs_open ON runs (created_position) WHERE state IN ('QUEUED', 'RUNNING', 'RETRYING');
CREATE INDEX runs_by_event ON runs (event, created_position) WHERE event IS NOT NULL;
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;
