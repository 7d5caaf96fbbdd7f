-- Functions as they are now.
CREATE TABLE functions (
  id TEXT PRIMARY KEY,
  created_position INTEGER NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  current_version INTEGER,
  mode TEXT,
  runtime TEXT,
  source TEXT NOT NULL,
  manifest TEXT,
  traffic TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  position INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX functions_by_name ON functions (namespace, name, generation);
CREATE INDEX functions_running ON functions (id) WHERE state = 'RUNNING';
