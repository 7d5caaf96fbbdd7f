-- Functions as they are now.
CREATE TABLE functions (
  id TEXT COLLATE "C" PRIMARY KEY,
  created_position BIGINT NOT NULL,
  namespace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  generation BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C",
  current_version BIGINT,
  mode TEXT COLLATE "C",
  runtime TEXT COLLATE "C",
  source TEXT COLLATE "C" NOT NULL,
  manifest TEXT COLLATE "C",
  traffic TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  position BIGINT NOT NULL
);
CREATE UNIQUE INDEX functions_by_name ON functions (namespace, name, generation);
CREATE INDEX functions_running ON functions (id) WHERE state = 'RUNNING';
