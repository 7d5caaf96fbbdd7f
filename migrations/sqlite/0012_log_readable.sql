-- The log for people: payloads as text, times as times.
CREATE VIEW log_readable AS
SELECT position, stream, version, type, CAST(data AS TEXT) AS data, strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000000, 'unixepoch') AS at, actor, namespace, id, causation, correlation
FROM log;
