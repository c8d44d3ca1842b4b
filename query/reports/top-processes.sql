-- title: Which programs connect most
-- theme: parties
-- help: Connections by program (its name, file and user): how many there were, how
-- help: many went out and came in, how many failed, and the bytes. A program without
-- help: a name is one whose owner could not be told.
-- by: comm, exe, uid
-- example: connmon-query top-processes --since 1d --failed
SELECT {by},
       sum(connections)                                   AS connections,
       sum(CASE direction WHEN 'out' THEN connections ELSE 0 END) AS "out",
       sum(CASE direction WHEN 'in' THEN connections ELSE 0 END)  AS "in",
       sum(failures)                                      AS failed,
       sum(tx_bytes)                                      AS tx_bytes,
       sum(rx_bytes)                                      AS rx_bytes
--graph:     , sum(connections) AS connections_bar
  FROM tally
 GROUP BY {by}
 ORDER BY connections DESC, {by}
