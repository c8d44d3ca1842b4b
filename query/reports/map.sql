-- title: Which program talks to which service
-- theme: parties
-- help: The edges of a map of this node, the busiest first: from a program here to the
-- help: address it calls, and from a client to the program that serves it. label is the
-- help: service port. With --format dot or mermaid it becomes a picture.
-- example: connmon-query map --since 1d --direction out --limit 100
-- param: limit limit 50 at most this many edges; 0: all
SELECT CASE direction WHEN 'out' THEN ifnull(comm, 'unknown') ELSE peer_addr END AS source,
       CASE direction WHEN 'out' THEN peer_addr ELSE ifnull(comm, 'unknown') END AS target,
       ':' || service_port AS label,
       direction,
       sum(connections)    AS connections,
       sum(failures)       AS failed,
       sum(tx_bytes)       AS tx_bytes,
       sum(rx_bytes)       AS rx_bytes,
       max(last_start_us)  AS last_at
  FROM tally
 GROUP BY direction, comm, peer_addr, service_port
 ORDER BY connections DESC, source, target, label, direction
