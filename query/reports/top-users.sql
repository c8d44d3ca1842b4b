-- title: Which users connect most
-- theme: parties
-- help: Connections by the user that the program ran as, as a number: how many there were,
-- help: how many went out and came in, how many failed, the bytes, and the programs (the
-- help: four most frequent ones by name). No user is an owner that could not be told.
-- by: uid
-- example: connmon-query top-users --by uid,comm --direction out
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
