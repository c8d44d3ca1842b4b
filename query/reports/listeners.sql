-- title: What listens here, and who connected to it
-- theme: parties
-- help: The ports on which a program listens, or did in the window, since when (and until
-- help: when), and what came in on them: connections, how many clients, and who was the
-- help: last. Several addresses of one program and port are one line. --port, --comm,
-- help: --exe, --uid, --container and --pod choose listeners, all other filters only
-- help: which connections count.
-- example: connmon-query listeners --since 7d
-- param: since time 1d count what came from when on
-- param: limit limit 0 at most this many rows; 0: all
SELECT l.port,
       l.addresses,
       l.comm,
       l.exe,
       l.uid,
       l.container,
--fleet:       l.nodes,
       l.from_us                AS since_at,
       l.to_us                  AS ended_at,
       ifnull(c.connections, 0) AS connections,
       ifnull(c.clients, 0)     AS clients,
       c.last_client,
       c.last_us                AS last_at
  FROM (SELECT l.port, g.comm, g.exe, g.uid, k.name AS container,
--fleet:               few(l.node) AS nodes,
               few(l.addr) AS addresses, min(l.from_us) AS from_us,
               CASE WHEN count(*) = count(l.to_us) THEN max(l.to_us) END AS to_us
          FROM listener l
          LEFT JOIN program g   ON g.id = l.program_id
          LEFT JOIN container k ON k.id = g.container_id
         WHERE l.from_us < :until
           AND ifnull(l.to_us, :since) >= :since
           AND (:port IS NULL OR in_list(l.port, :port))
           AND (:comm IS NULL OR matches(g.comm, :comm))
           AND (:exe IS NULL OR matches(g.exe, :exe))
           AND (:uid IS NULL OR g.uid = :uid)
           AND (:container IS NULL OR matches(k.name, :container)
                OR length(:container) >= 12 AND matches(k.container_id, :container || '*'))
           AND (:pod IS NULL OR matches(k.pod, :pod))
         GROUP BY l.port, g.comm, g.exe, g.uid, k.name) l
  LEFT JOIN (SELECT service_port, comm, exe, uid, container,
                    sum(connections) AS connections, count(*) AS clients,
                    peer_addr AS last_client, max(last_us) AS last_us
               FROM (SELECT service_port, comm, exe, uid, container, peer_addr,
                            sum(connections) AS connections, max(last_start_us) AS last_us
                       FROM tally
                      WHERE direction = 'in'
                      GROUP BY service_port, comm, exe, uid, container, peer_addr)
              GROUP BY service_port, comm, exe, uid, container) c
    ON c.service_port = l.port AND c.comm IS l.comm AND c.exe IS l.exe AND c.uid IS l.uid
   AND c.container IS l.container
 ORDER BY l.port, l.comm, l.exe, l.uid, l.container, since_at
