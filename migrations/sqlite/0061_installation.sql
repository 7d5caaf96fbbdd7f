-- What all servers on this database have in common: name and value.
CREATE TABLE installation (name TEXT PRIMARY KEY, value TEXT NOT NULL);
