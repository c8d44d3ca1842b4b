-- For people: each row once, however often it was sent and whatever is merged.
DROP TABLE IF EXISTS ended_connections;
CREATE VIEW ended_connections AS
SELECT *, started_at, ended_at FROM connections FINAL;

DROP TABLE IF EXISTS still_open;
CREATE VIEW still_open AS
SELECT *, started_at FROM open_connections FINAL WHERE is_over = 0;

DROP TABLE IF EXISTS hourly_totals;
CREATE VIEW hourly_totals AS
SELECT * FROM hourly FINAL;

DROP TABLE IF EXISTS nodes_now;
CREATE VIEW nodes_now AS
SELECT * FROM nodes ORDER BY at_us DESC LIMIT 1 BY node_id;

-- The version of all this. A program that knows another one says so.
DROP TABLE IF EXISTS schema;
CREATE VIEW schema AS
SELECT 2 AS version FROM system.one;
