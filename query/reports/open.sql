-- title: What is open now, the longest first
-- theme: rows
-- help: Connections that have not ended, with the bytes so far. A connection appears
-- help: here once it has been open for longer than the collector's --flush.
-- example: connmon-query open --direction in
-- param: since time 1s matters with --started only, as what is open is open now
-- param: limit limit 0 at most this many rows; 0: all
SELECT started_at,
--fleet:       node,
       duration_us,
       outcome,
       direction,
       comm,
       pid,
       local_addr,
       local_port,
       peer_addr,
       peer_port,
       tx_bytes,
       rx_bytes
  FROM still_open
 ORDER BY duration_us DESC, peer_addr, peer_port, local_port
