-- title: Who talked to an address or a port
-- theme: parties
-- help: Every program here that connected to an address, a network or a service port,
-- help: or was called from it: how often, how often in vain, the bytes, and when the
-- help: first and the last of these connections began. Write ADDR, PORT or ADDR:PORT;
-- help: peers says how many addresses it were. Looks back a day unless told otherwise.
-- example: connmon-query who 10.0.1.10:6443 --since 30d
-- operand: endpoint
-- needs: ADDR, PORT or ADDR:PORT
-- param: since time 1d from when on
-- param: limit limit 0 at most this many rows; 0: all
SELECT comm,
       exe,
       uid,
       container,
       direction,
       service_port,
       count(DISTINCT peer_addr) AS peers,
       sum(connections)          AS connections,
       sum(failures)             AS failed,
       sum(tx_bytes)             AS tx_bytes,
       sum(rx_bytes)             AS rx_bytes,
       min(first_start_us)       AS first_at,
       max(last_start_us)        AS last_at
  FROM tally
 GROUP BY comm, exe, uid, container, direction, service_port
 ORDER BY connections DESC, last_at DESC, comm, exe, uid, container, direction, service_port
