-- The log for people: payloads as text, times as times.
CREATE VIEW log_readable AS
SELECT position, stream, version, type, convert_from(data, 'UTF8') AS data, to_timestamp(at / 1000000.0) AS at, actor, namespace, id, causation, correlation
FROM log;
