-- title: Which programs connect most
-- help: Connections by program (its name, file and user): how many process ids it
-- help: had, how many connections went out and came in, how many failed, and the
-- help: bytes. A program without a name is one whose owner could not be told.
-- example: connmon-query top-processes --since 1d --failed
SELECT comm,
       exe,
       uid,
       count(DISTINCT pid)    AS pids,
       count(*)               AS connections,
       sum(direction = 'out') AS "out",
       sum(direction = 'in')  AS "in",
       sum(failed)            AS failed,
       sum(tx_bytes)          AS tx_bytes,
       sum(rx_bytes)          AS rx_bytes
  FROM scope
 GROUP BY comm, exe, uid
 ORDER BY connections DESC, comm, exe, uid
