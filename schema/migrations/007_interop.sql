-- The same connections under the names that other programs know: Zeek's conn.log and the Elastic
-- Common Schema. The names are theirs to the letter, so a dot in one wants quotes: "id.orig_h".
-- Who called is the originator, or the source: this node for out, the peer for in.
--
-- Neither view has the Community ID, for plain SQLite cannot compute it: connmon-query and
-- connmon.so have the function community_id(). connmon_id is the key: a bound on it is quick,
-- where one on a time makes SQLite read all.

--: zeek_conn  connections under the names of Zeek's conn.log
--: zeek_conn.ts REAL when it started, in s since the epoch
--: zeek_conn.uid TEXT C and its key in hexadecimal; NULL while it is open, as it has no key yet
--: zeek_conn.id.orig_h TEXT the address of who called
--: zeek_conn.id.orig_p INTEGER the port of who called
--: zeek_conn.id.resp_h TEXT the address of who was called
--: zeek_conn.id.resp_p INTEGER the port that was called
--: zeek_conn.proto TEXT tcp
--: zeek_conn.service TEXT NULL: Zeek tells it from the payload, which connmon does not read
--: zeek_conn.duration REAL in s
--: zeek_conn.orig_bytes INTEGER payload of who called, each byte once; NULL: lost
--: zeek_conn.resp_bytes INTEGER payload of who was called; NULL: lost
--: zeek_conn.conn_state TEXT S0 no answer (connecting timeout unreachable cancelled); S1 open, or it
--:   ended without a word (timed_out); SF closed; REJ refused; RSTO, RSTR reset by who called, by who
--:   was called; OTH nothing was sent, or nobody saw how it ended (no_port denied error lost
--:   never_accepted)
--: zeek_conn.local_orig TEXT T: this node called; F
--: zeek_conn.local_resp TEXT T: this node was called; F
--: zeek_conn.missed_bytes INTEGER 0, as the kernel counts them all; NULL: lost
--: zeek_conn.history TEXT NULL: no packets are looked at
--: zeek_conn.orig_pkts INTEGER NULL
--: zeek_conn.orig_ip_bytes INTEGER NULL
--: zeek_conn.resp_pkts INTEGER NULL
--: zeek_conn.resp_ip_bytes INTEGER NULL
--: zeek_conn.tunnel_parents TEXT NULL
--: zeek_conn.ip_proto INTEGER 6
--: zeek_conn.connmon_id INTEGER id of connections
CREATE VIEW zeek_conn AS
SELECT (id - duration_us) / 1e6                              AS ts,
       CASE WHEN ended_at IS NOT NULL THEN printf('C%x', id) END AS uid,
       CASE direction WHEN 'out' THEN local_addr ELSE peer_addr END AS "id.orig_h",
       CASE direction WHEN 'out' THEN local_port ELSE peer_port END AS "id.orig_p",
       CASE direction WHEN 'out' THEN peer_addr ELSE local_addr END AS "id.resp_h",
       service_port                                          AS "id.resp_p",
       'tcp'                                                 AS proto,
       NULL                                                  AS service,
       duration_us / 1e6                                     AS duration,
       CASE WHEN outcome = 'lost' THEN NULL
            WHEN direction = 'out' THEN tx_bytes ELSE rx_bytes END AS orig_bytes,
       CASE WHEN outcome = 'lost' THEN NULL
            WHEN direction = 'out' THEN rx_bytes ELSE tx_bytes END AS resp_bytes,
       CASE WHEN outcome IN ('connecting', 'timeout', 'unreachable', 'cancelled') THEN 'S0'
            WHEN outcome IN ('open', 'timed_out') THEN 'S1'
            WHEN outcome = 'closed' THEN 'SF'
            WHEN outcome = 'refused' THEN 'REJ'
            WHEN outcome = 'reset_by_us' THEN CASE direction WHEN 'out' THEN 'RSTO' ELSE 'RSTR' END
            WHEN outcome = 'reset_by_peer' THEN CASE direction WHEN 'out' THEN 'RSTR' ELSE 'RSTO' END
            -- ss -K: the kernel resets it, unless there was no answer yet.
            WHEN outcome = 'killed' AND direction = 'in' THEN 'RSTR'
            WHEN outcome = 'killed' AND connect_us IS NULL AND flags & 6 = 0 THEN 'S0'
            WHEN outcome = 'killed' THEN 'RSTO'
            ELSE 'OTH' END                                   AS conn_state,
       CASE WHEN direction = 'out' OR loopback THEN 'T' ELSE 'F' END AS local_orig,
       CASE WHEN direction = 'in' OR loopback THEN 'T' ELSE 'F' END AS local_resp,
       CASE WHEN outcome <> 'lost' THEN 0 END                AS missed_bytes,
       NULL                                                  AS history,
       NULL                                                  AS orig_pkts,
       NULL                                                  AS orig_ip_bytes,
       NULL                                                  AS resp_pkts,
       NULL                                                  AS resp_ip_bytes,
       NULL                                                  AS tunnel_parents,
       6                                                     AS ip_proto,
       id                                                    AS connmon_id
  FROM connections;

--: ecs_network  connections under the names of the Elastic Common Schema (8.x)
--: ecs_network.@timestamp TEXT as event.start, which stays the same when the connection ends
--: ecs_network.event.kind TEXT event
--: ecs_network.event.category TEXT network
--: ecs_network.event.type TEXT connection
--: ecs_network.event.module TEXT connmon
--: ecs_network.event.dataset TEXT connmon.connections
--: ecs_network.event.id TEXT its key; NULL while it is open, as it has none yet
--: ecs_network.event.action TEXT outcome of connections
--: ecs_network.event.outcome TEXT whether it came about: success, failure; unknown: connecting, lost
--: ecs_network.event.start TEXT when it started
--: ecs_network.event.end TEXT when it ended; NULL: open
--: ecs_network.event.duration INTEGER in ns
--: ecs_network.error.code TEXT errno by its name, as ECONNRESET; NULL if none
--: ecs_network.network.transport TEXT tcp
--: ecs_network.network.iana_number TEXT 6
--: ecs_network.network.type TEXT ipv4 or ipv6
--: ecs_network.network.direction TEXT egress: this node called; ingress: it was called
--: ecs_network.network.bytes INTEGER payload of both; NULL: lost
--: ecs_network.source.ip TEXT the address of who called
--: ecs_network.source.port INTEGER the port of who called
--: ecs_network.source.bytes INTEGER payload of who called, each byte once; NULL: lost
--: ecs_network.destination.ip TEXT the address of who was called
--: ecs_network.destination.port INTEGER the port that was called
--: ecs_network.destination.bytes INTEGER payload of who was called; NULL: lost
--: ecs_network.process.pid INTEGER the owner on this node; NULL when unknown
--: ecs_network.process.name TEXT its program, 15 bytes at most
--: ecs_network.process.executable TEXT the file of that program
--: ecs_network.process.thread.name TEXT the thread's own name, else its program's
--: ecs_network.user.id TEXT the user the program ran as
--: ecs_network.container.id TEXT the runtime's id of the container, whole
--: ecs_network.container.name TEXT its name, else 12 digits of its id
--: ecs_network.orchestrator.type TEXT kubernetes, for what is in a pod
--: ecs_network.orchestrator.namespace TEXT that of the pod
--: ecs_network.orchestrator.resource.type TEXT pod
--: ecs_network.orchestrator.resource.name TEXT the pod's; NULL where only its uid is known
--: ecs_network.orchestrator.resource.id TEXT the pod's uid, where its name is not known
--: ecs_network.connmon_id INTEGER id of connections
CREATE VIEW ecs_network AS
SELECT started_at                                            AS "@timestamp",
       'event'                                               AS "event.kind",
       'network'                                             AS "event.category",
       'connection'                                          AS "event.type",
       'connmon'                                             AS "event.module",
       'connmon.connections'                                 AS "event.dataset",
       CASE WHEN ended_at IS NOT NULL THEN CAST(id AS TEXT) END AS "event.id",
       outcome                                               AS "event.action",
       CASE WHEN failed THEN 'failure'
            WHEN outcome IN ('connecting', 'lost') THEN 'unknown'
            ELSE 'success' END                               AS "event.outcome",
       started_at                                            AS "event.start",
       ended_at                                              AS "event.end",
       duration_us * 1000                                    AS "event.duration",
       error                                                 AS "error.code",
       'tcp'                                                 AS "network.transport",
       '6'                                                   AS "network.iana_number",
       CASE family WHEN 6 THEN 'ipv6' ELSE 'ipv4' END        AS "network.type",
       CASE direction WHEN 'out' THEN 'egress' ELSE 'ingress' END AS "network.direction",
       CASE WHEN outcome <> 'lost' THEN tx_bytes + rx_bytes END AS "network.bytes",
       CASE direction WHEN 'out' THEN local_addr ELSE peer_addr END AS "source.ip",
       CASE direction WHEN 'out' THEN local_port ELSE peer_port END AS "source.port",
       CASE WHEN outcome = 'lost' THEN NULL
            WHEN direction = 'out' THEN tx_bytes ELSE rx_bytes END AS "source.bytes",
       CASE direction WHEN 'out' THEN peer_addr ELSE local_addr END AS "destination.ip",
       service_port                                          AS "destination.port",
       CASE WHEN outcome = 'lost' THEN NULL
            WHEN direction = 'out' THEN rx_bytes ELSE tx_bytes END AS "destination.bytes",
       pid                                                   AS "process.pid",
       comm                                                  AS "process.name",
       exe                                                   AS "process.executable",
       thread                                                AS "process.thread.name",
       CAST(uid AS TEXT)                                     AS "user.id",
       container_id                                          AS "container.id",
       container                                             AS "container.name",
       CASE WHEN pod IS NOT NULL THEN 'kubernetes' END       AS "orchestrator.type",
       CASE WHEN instr(pod, '/') THEN substr(pod, 1, instr(pod, '/') - 1) END
                                                             AS "orchestrator.namespace",
       CASE WHEN pod IS NOT NULL THEN 'pod' END              AS "orchestrator.resource.type",
       CASE WHEN instr(pod, '/') THEN substr(pod, instr(pod, '/') + 1) END
                                                             AS "orchestrator.resource.name",
       CASE WHEN NOT instr(pod, '/') THEN pod END            AS "orchestrator.resource.id",
       id                                                    AS connmon_id
  FROM connections;
