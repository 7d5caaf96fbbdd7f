-- Builds as they are now.
CREATE TABLE builds (
  id TEXT COLLATE "C" PRIMARY KEY,
  created_position BIGINT NOT NULL,
  function TEXT COLLATE "C" NOT NULL,
  namespace TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  manifest TEXT COLLATE "C",
  node TEXT COLLATE "C",
  version BIGINT,
  git_commit TEXT COLLATE "C",
  error TEXT COLLATE "C",
  requested_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT,
  position BIGINT NOT NULL
);
CREATE INDEX builds_by_function ON builds (function, created_position, id);
CREATE INDEX builds_open ON builds (created_position) WHERE state IN ('QUEUED', 'RUNNING');
