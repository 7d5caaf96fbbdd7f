-- How far the relay has come where it has not come equally far in every namespace. One row. What follows from the records up to
-- `seen` is on its way, except in the namespaces that `behind` names: JSON, a namespace to the position that it has come to there.
CREATE TABLE relayed (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  seen BIGINT NOT NULL,
  behind TEXT COLLATE "C" NOT NULL
);
