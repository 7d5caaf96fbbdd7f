-- How far the relay has come where it has not come equally far in every namespace. One row. What follows from the records up to
-- `seen` is on its way, except in the namespaces that `behind` names: JSON, a namespace to the position that it has come to there.
CREATE TABLE relayed (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seen INTEGER NOT NULL,
  behind TEXT NOT NULL
) STRICT;
