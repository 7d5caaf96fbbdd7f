-- Runs as they are now. The key is the position of the run's first record: a run is found by its id through the log's own
-- index on (stream, version), so that the busiest table needs no index on ids.
CREATE TABLE runs (
  created_position BIGINT PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL,
  function TEXT COLLATE "C" NOT NULL,
  namespace TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  trigger TEXT COLLATE "C" NOT NULL,
  event TEXT COLLATE "C",
  version BIGINT,
  attempts BIGINT NOT NULL,
  node TEXT COLLATE "C",
  instance TEXT COLLATE "C",
  http_status BIGINT,
  exit_code BIGINT,
  error TEXT COLLATE "C",
  cold_start BIGINT NOT NULL,
  replayed_from TEXT COLLATE "C",
  queued_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT,
  due BIGINT,
  position BIGINT NOT NULL
);
CREATE INDEX runs_by_function ON runs (function, created_position);
CREATE INDEX runs_open ON runs (created_position) WHERE state IN ('QUEUED', 'RUNNING', 'RETRYING');
CREATE INDEX runs_by_event ON runs (event, created_position) WHERE event IS NOT NULL;
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;
