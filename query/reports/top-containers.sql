-- title: Which containers connect most
-- theme: parties
-- help: Connections by container and Kubernetes pod: how many there were, how many went
-- help: out and came in, how many failed, the bytes, and the programs in it (the four most
-- help: frequent ones by name). No container is the node itself.
-- by: container, pod
-- example: connmon-query top-containers --by pod,comm --since 1d
SELECT {by},
       sum(connections)                                           AS connections,
       sum(CASE direction WHEN 'out' THEN connections ELSE 0 END) AS "out",
       sum(CASE direction WHEN 'in' THEN connections ELSE 0 END)  AS "in",
       sum(failures)                                              AS failed,
       sum(tx_bytes)                                              AS tx_bytes,
       sum(rx_bytes)                                              AS rx_bytes,
       few(comm, connections)                                     AS programs
--graph:     , sum(connections) AS connections_bar
  FROM tally
 GROUP BY {by}
 ORDER BY connections DESC, {by}
