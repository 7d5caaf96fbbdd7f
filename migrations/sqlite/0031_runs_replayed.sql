-- What was asked for again from a run, of which there are few.
CREATE INDEX runs_replayed ON runs (replayed_from, created_position) WHERE replayed_from IS NOT NULL;
