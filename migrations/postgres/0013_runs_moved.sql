-- Runs that ended since a time are found by position, not by an index on their end that every call would pay for: a call is
-- one record, so its row stands where it was created. Only runs that went on later need to be found by their newest record.
DROP INDEX runs_finished;
CREATE INDEX runs_moved ON runs (position) WHERE position <> created_position;
