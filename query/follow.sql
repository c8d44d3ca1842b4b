-- title: Each connection as it ends, as tail -f shows lines
-- help: One line for each connection, as soon as the collector has recorded its end, in the
-- help: order of the ends; the id is as in list. It begins now, or at --since with what ended
-- help: since then, and goes on until Ctrl-C, or until --limit rows were shown: also while the
-- help: collector is restarted, and when its database is set aside and begun anew. With
-- help: --opened a connection is shown when it opens, too, without an id, if it stays open
-- help: for longer than the collector's --flush. Standard error tells of gaps.
-- example: connmon-query follow --comm curl --since 10m
-- param: since time now from when on
-- param: limit limit 0 end after this many rows; 0: never
SELECT ended_at AS happened_at,
       outcome,
       direction,
       comm,
       pid,
       peer_addr,
       service_port,
       duration_us,
       connect_us,
       tx_bytes,
       rx_bytes,
       error,
       id
  FROM scope
 ORDER BY id
