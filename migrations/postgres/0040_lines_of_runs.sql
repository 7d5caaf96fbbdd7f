-- A run's lines are those of its function: what another function prints in its name is not passed over line by line.
DROP INDEX lines_of_runs;
CREATE INDEX lines_of_runs ON lines (run, function, position) WHERE run IS NOT NULL;
