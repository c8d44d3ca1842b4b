-- A history that stays small and answers at once: connection is laid out anew, finished
-- hours are totalled, and what is deleted in the end is known.

-- Where on this node a connection ended: few of them, so each row names one by number.
--: local_address  where on this node connections ended
--: local_address.id  its number in this database
CREATE TABLE local_address (
  id    INTEGER PRIMARY KEY,
  netns INTEGER NOT NULL,              -- as `readlink /proc/PID/ns/net` shows it
  addr  TEXT    NOT NULL,              -- canonical, as peer_addr
  UNIQUE (netns, addr)
) STRICT;

-- As 001 says: one row for each attempt, written once, when it ended, in the order of the
-- key. What totals are made of comes first, for SQLite reads a row from its begin.
--: connection.peer_addr  the address of the other side, canonical
--: connection.peer_port  the port of the other side
--: connection.local_port  the port on this node
--: connection.local_id  its address and network namespace on this node, of local_address
CREATE TABLE connection_3 (
  id             INTEGER PRIMARY KEY,  -- the end; the start is id - duration_us
  duration_us    INTEGER NOT NULL,
  direction      INTEGER NOT NULL,     -- 0 out (this node connected), 1 in (it accepted)
  outcome        INTEGER NOT NULL,     -- the view connections names them; from 16 on: failed
  flags          INTEGER NOT NULL,     -- 1 v4-mapped 2 older than the collector's run
                                       -- 4 begin not seen: the start is when it was met
                                       -- 8 the peer closed first 16 a path of Multipath TCP
                                       -- 32 the node with itself
  peer_addr      TEXT    NOT NULL,
  peer_port      INTEGER NOT NULL,
  local_port     INTEGER NOT NULL,
  process_id     INTEGER REFERENCES process,   -- the owner; NULL when unknown
  container_id   INTEGER REFERENCES container, -- from the socket's own cgroup; NULL in the root cgroup
  tx_bytes       INTEGER NOT NULL,     -- payload, each byte once, retransmits not counted
  rx_bytes       INTEGER NOT NULL,     -- payload
  connect_us     INTEGER,              -- from connect() to established, out only
  retransmits    INTEGER NOT NULL,     -- segments, SYNs included
  local_id       INTEGER NOT NULL REFERENCES local_address,
  error          INTEGER,              -- errno, NULL if none
  closer_id      INTEGER,              -- who closed it, of process; 0: its owner; NULL when no
                                       -- process here did
  accept_wait_us INTEGER,              -- from established to accept(), in only
  srtt_us        INTEGER,              -- the kernel's smoothed round-trip time at the end
  min_rtt_us     INTEGER,              -- the least round-trip time the kernel still remembered
  cookie         INTEGER,              -- the socket's cookie, as `ss -e` shows it (sk:)
  owner_source   INTEGER,              -- how the owner is known: 1 connect 2 accept 3 close
                                       -- 4 scan 5 listener 6 kernel; NULL when unknown
  thread         TEXT                  -- the thread's own name, when it is not its process's
) STRICT;

DROP VIEW last_hour;
DROP VIEW last_day;
DROP VIEW connections;

INSERT INTO local_address(netns, addr) SELECT DISTINCT netns, local_addr FROM connection;
INSERT INTO connection_3
SELECT c.id, duration_us, direction, outcome,
       flags | CASE WHEN peer_addr IN ('::1', local_addr) OR peer_addr LIKE '127.%' THEN 32
                    ELSE 0 END,
       peer_addr, peer_port, local_port, process_id, container_id, tx_bytes, rx_bytes,
       connect_us, retransmits, l.id, error,
       CASE closer_id WHEN process_id THEN 0 ELSE closer_id END, accept_wait_us, srtt_us, min_rtt_us,
       cookie, owner_source, thread
  FROM connection c
  JOIN local_address l ON l.netns = c.netns AND l.addr = c.local_addr
 ORDER BY c.id;
DROP TABLE connection;
ALTER TABLE connection_3 RENAME TO connection;
-- Failures are few and asked for often. No other index: one with a random key would
-- multiply what each row writes to the disk.
CREATE INDEX connection_failed ON connection(id) WHERE outcome >= 16;

UPDATE open_connection
   SET flags = flags | 32
 WHERE peer_addr IN ('::1', local_addr) OR peer_addr LIKE '127.%';

-- Exact totals of finished hours, by the hour of the end. Without an index on the peer: an
-- address is sought once in each hour, which is quick, where an index would be written all
-- over for each hour. A sum too great for 64 bits stands as 9223372036854775807.
DROP VIEW hourly_totals;
DROP TABLE hourly;
--: hourly  exact totals of finished hours, by the hour of the end; view: hourly_totals
--: hourly.peer_addr  the address of the other side
--: hourly.service_port  the port of whoever was called: the peer's for out, ours for in
--: hourly.tx_bytes  payload sent
--: hourly.rx_bytes  payload received
--: hourly.retransmits  segments sent again
--: hourly.connect_us_sum  all their times from connect() to established
--: hourly.duration_us_sum  all their durations
CREATE TABLE hourly (
  hour            INTEGER NOT NULL,    -- hours since the epoch
  direction       INTEGER NOT NULL,    -- as in connection
  peer_addr       TEXT    NOT NULL,
  service_port    INTEGER NOT NULL,
  program_id      INTEGER NOT NULL,    -- 0: unknown
  container_id    INTEGER NOT NULL,    -- of the connections, as in connection; 0: none
  loopback        INTEGER NOT NULL,    -- 1: the node with itself
  attempts        INTEGER NOT NULL,    -- connections, those that never came about included
  failed          INTEGER NOT NULL,    -- those that never came about
  resets          INTEGER NOT NULL,    -- established, then reset, by either side
  tx_bytes        INTEGER NOT NULL,
  rx_bytes        INTEGER NOT NULL,
  retransmits     INTEGER NOT NULL,
  connects        INTEGER NOT NULL,    -- those that have a connect_us
  connect_us_sum  INTEGER NOT NULL,
  connect_us_max  INTEGER NOT NULL,    -- 0 when none has
  duration_us_sum INTEGER NOT NULL,
  start_us        INTEGER NOT NULL,    -- of the one that started first, since the begin of the
                                       -- hour: negative when before it
  start_span_us   INTEGER NOT NULL,    -- from then to the start of the one that started last
  PRIMARY KEY (hour, direction, peer_addr, service_port, program_id, container_id, loopback)
) STRICT, WITHOUT ROWID;

--: hourly.connect_us_max  the longest of them; 0 when none has one
--: hourly_program  the same over all peers: few rows, for what does not ask for the peer
--: hourly_program.* as hourly
CREATE TABLE hourly_program (
  -- The same over all peers: few rows, for what does not ask for the peer.
  hour            INTEGER NOT NULL,
  direction       INTEGER NOT NULL,
  service_port    INTEGER NOT NULL,
  program_id      INTEGER NOT NULL,
  container_id    INTEGER NOT NULL,
  loopback        INTEGER NOT NULL,
  attempts        INTEGER NOT NULL,
  failed          INTEGER NOT NULL,
  resets          INTEGER NOT NULL,
  tx_bytes        INTEGER NOT NULL,
  rx_bytes        INTEGER NOT NULL,
  retransmits     INTEGER NOT NULL,
  connects        INTEGER NOT NULL,
  connect_us_sum  INTEGER NOT NULL,
  connect_us_max  INTEGER NOT NULL,
  duration_us_sum INTEGER NOT NULL,
  start_us        INTEGER NOT NULL,
  start_span_us   INTEGER NOT NULL,
  PRIMARY KEY (hour, direction, service_port, program_id, container_id, loopback)
) STRICT, WITHOUT ROWID;

--: hourly_totals  exact totals of finished hours, readable; the function totals() is quicker
--: hourly_totals.* as hourly
--: hourly_totals.hour TEXT the begin of the hour, RFC 3339, UTC
--: hourly_totals.direction TEXT out: this node connected; in: it accepted
--: hourly_totals.comm  the program's name, 15 bytes at most; NULL when unknown
--: hourly_totals.exe  the program's file; NULL when it could not be read in time
--: hourly_totals.uid  the user it ran as
--: hourly_totals.container  of the connections, by name, else 12 digits of its id; NULL: none
--: hourly_totals.first_started_at TEXT when the one that started first did
--: hourly_totals.last_started_at TEXT when the one that started last did
CREATE VIEW hourly_totals AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', h.hour * 3600, 'unixepoch') AS hour,
       CASE h.direction WHEN 0 THEN 'out' ELSE 'in' END           AS direction,
       h.peer_addr, h.service_port, g.comm, g.exe, g.uid, k.name  AS container,
       h.loopback, h.attempts, h.failed, h.resets, h.tx_bytes, h.rx_bytes, h.retransmits,
       h.connects, h.connect_us_sum, h.connect_us_max, h.duration_us_sum,
       strftime('%Y-%m-%dT%H:%M:%fZ', h.hour * 3600 + h.start_us / 1e6, 'unixepoch') AS first_started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', h.hour * 3600 + (h.start_us + h.start_span_us) / 1e6,
                'unixepoch')                                      AS last_started_at
  FROM hourly h
  LEFT JOIN program g   ON g.id = h.program_id
  LEFT JOIN container k ON k.id = h.container_id;

--: extent  what of the past is here; one row
--: extent.id  1
CREATE TABLE extent (
  -- What of the past is here. One row.
  id                INTEGER PRIMARY KEY CHECK (id = 1),
  totals_until_hour INTEGER NOT NULL,  -- hourly and hourly_program hold all of the hours before
                                       -- this one, and nothing to be read of it and later ones
  rows_from_us      INTEGER NOT NULL,  -- what ended before was deleted from connection; 0: nothing
  totals_from_hour  INTEGER NOT NULL   -- hours before were deleted from both; 0: none
) STRICT;
INSERT INTO extent VALUES (1, 0, 0, 0);

--: capture  where a run that reads programs which outlive it stood when it last committed
--: capture.id  1
--: capture.boot_id  /proc/sys/kernel/random/boot_id of then
CREATE TABLE capture (
  -- Where a run that reads programs which outlive it (--pin) stood when it last committed, so
  -- that the next run goes on there. No row: none does.
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  boot_id       TEXT    NOT NULL,
  instance      INTEGER NOT NULL,      -- when the programs were attached, ns since boot
  ring_position INTEGER NOT NULL,      -- bytes of the ring that are in the tables
  counters      BLOB    NOT NULL       -- what the runs have accounted for since then, as the
                                       -- kernel side counts it: struct probe_counters
) STRICT;

-- reason gets set_aside: an earlier file holds what came before; and pruned: connections were
-- deleted before their hour was totalled (else extent tells what was deleted).
CREATE TABLE gap_3 (
  id      INTEGER PRIMARY KEY,
  from_us INTEGER NOT NULL,
  to_us   INTEGER NOT NULL,
  reason  TEXT    NOT NULL CHECK (reason IN ('ring_full', 'table_full', 'recursion', 'stopped',
                                             'disk_full', 'corrupt', 'set_aside', 'pruned')),
  count   INTEGER                      -- events; NULL: nobody can know
) STRICT;
DROP VIEW gaps;
INSERT INTO gap_3 SELECT * FROM gap;
DROP TABLE gap;
ALTER TABLE gap_3 RENAME TO gap;
--: gaps  where the history has holes
--: gaps.* as gap
--: gaps.from_at TEXT begin of the hole
--: gaps.to_at TEXT its end
CREATE VIEW gaps AS
SELECT id, from_us, to_us,
       strftime('%Y-%m-%dT%H:%M:%fZ', from_us / 1e6, 'unixepoch') AS from_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', to_us / 1e6, 'unixepoch')   AS to_at,
       reason, count
  FROM gap;

-- The public face, as in 001: both kinds in one, and each for itself.
--: connections  every connection of this node, the open ones included: what to ask
--: connections.* as ended_connections
--: open_connections  only those that are open, with the moment of asking as their id
--: open_connections.* as ended_connections
--: last_hour  connections that were there at some moment in the last hour
--: last_hour.* as ended_connections
--: last_day  connections that were there at some moment in the last day
--: last_day.* as ended_connections
--: ended_connections  only those that have ended
--: ended_connections.id INTEGER the end, in us since the epoch; of an open one, the moment of
--:   asking. The start is id - duration_us
--: ended_connections.started_at TEXT when it started
--: ended_connections.ended_at TEXT when it ended; NULL: open
--: ended_connections.direction TEXT out: this node connected; in: it accepted
--: ended_connections.outcome TEXT connecting open; closed reset_by_peer reset_by_us timed_out
--:   never_accepted killed lost; if it never came about: refused timeout unreachable cancelled
--:   no_port denied error
--: ended_connections.error TEXT errno by its name, as ECONNRESET; NULL if none
--: ended_connections.comm  the owner's program, 15 bytes at most; NULL when unknown
--: ended_connections.exe  the file of that program; NULL when it could not be read in time
--: ended_connections.pid  the owner, as the node sees it; NULL when unknown
--: ended_connections.uid  the user the program ran as
--: ended_connections.container  of the socket, by name, else 12 digits of its id; NULL: none
--: ended_connections.netns  its network namespace, as `readlink /proc/PID/ns/net` shows it
--: ended_connections.family INTEGER 4 or 6
--: ended_connections.local_addr  the address on this node
--: ended_connections.local_port  the port on this node
--: ended_connections.peer_addr  the address of the other side
--: ended_connections.peer_port  the port of the other side
--: ended_connections.service_port INTEGER the port of whoever was called: the peer's for out,
--:   ours for in
--: ended_connections.connect_us  from connect() to established, out only
--: ended_connections.duration_us INTEGER from its start to its end, or to now
--: ended_connections.tx_bytes  payload sent, each byte once
--: ended_connections.rx_bytes  payload received
--: ended_connections.retransmits  segments sent again, SYNs included
--: ended_connections.srtt_us  the kernel's smoothed round-trip time at the end
--: ended_connections.min_rtt_us  the least round-trip time the kernel still remembered
--: ended_connections.owner_source TEXT how the owner is known: connect accept close scan
--:   listener kernel; NULL when unknown
--: ended_connections.closed_by  the pid of who closed it; NULL when no process here did
--: ended_connections.failed INTEGER 1: it never came about
--: ended_connections.accept_wait_us  from established to accept(), in only
--: ended_connections.thread TEXT the thread's own name, else its program's
--: ended_connections.container_id  the runtime's id of the container, whole
--: ended_connections.pod  Kubernetes pod, namespace/name, else its uid; NULL: in none
--: ended_connections.loopback INTEGER 1: the node with itself
--: ended_connections.cookie  the socket's cookie, as `ss -e` shows it (sk:)
--: ended_connections.flags  1 v4-mapped 2 older than the collector's run 4 begin not seen
--:   8 the peer closed first 16 a path of Multipath TCP 32 the node with itself
CREATE VIEW ended_connections AS
SELECT c.id                                                    AS id,
       strftime('%Y-%m-%dT%H:%M:%fZ', (c.id - c.duration_us) / 1e6, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.id / 1e6, 'unixepoch') AS ended_at,
       CASE c.direction WHEN 0 THEN 'out' ELSE 'in' END        AS direction,
       CASE c.outcome WHEN 0 THEN 'connecting' WHEN 1 THEN 'open' WHEN 2 THEN 'closed'
                      WHEN 3 THEN 'reset_by_peer' WHEN 4 THEN 'reset_by_us'
                      WHEN 5 THEN 'timed_out' WHEN 6 THEN 'never_accepted'
                      WHEN 7 THEN 'killed' WHEN 8 THEN 'lost'
                      WHEN 16 THEN 'refused' WHEN 17 THEN 'timeout' WHEN 18 THEN 'unreachable'
                      WHEN 19 THEN 'cancelled' WHEN 20 THEN 'no_port' WHEN 21 THEN 'denied'
                      ELSE 'error' END                         AS outcome,
       CASE c.error WHEN 1 THEN 'EPERM' WHEN 11 THEN 'EAGAIN' WHEN 12 THEN 'ENOMEM'
                    WHEN 13 THEN 'EACCES' WHEN 22 THEN 'EINVAL' WHEN 32 THEN 'EPIPE'
                    WHEN 64 THEN 'ENONET' WHEN 71 THEN 'EPROTO' WHEN 90 THEN 'EMSGSIZE'
                    WHEN 92 THEN 'ENOPROTOOPT' WHEN 99 THEN 'EADDRNOTAVAIL'
                    WHEN 100 THEN 'ENETDOWN' WHEN 101 THEN 'ENETUNREACH'
                    WHEN 103 THEN 'ECONNABORTED' WHEN 104 THEN 'ECONNRESET'
                    WHEN 105 THEN 'ENOBUFS' WHEN 110 THEN 'ETIMEDOUT'
                    WHEN 111 THEN 'ECONNREFUSED' WHEN 112 THEN 'EHOSTDOWN'
                    WHEN 113 THEN 'EHOSTUNREACH' ELSE CAST(c.error AS TEXT) END AS error,
       g.comm                                                  AS comm,
       g.exe                                                   AS exe,
       p.pid                                                   AS pid,
       g.uid                                                   AS uid,
       k.name                                                  AS container,
       l.netns                                                 AS netns,
       CASE WHEN c.peer_addr LIKE '%:%' THEN 6 ELSE 4 END      AS family,
       l.addr                                                  AS local_addr,
       c.local_port                                            AS local_port,
       c.peer_addr                                             AS peer_addr,
       c.peer_port                                             AS peer_port,
       CASE c.direction WHEN 0 THEN c.peer_port ELSE c.local_port END AS service_port,
       c.connect_us                                            AS connect_us,
       c.duration_us                                           AS duration_us,
       c.tx_bytes                                              AS tx_bytes,
       c.rx_bytes                                              AS rx_bytes,
       c.retransmits                                           AS retransmits,
       c.srtt_us                                               AS srtt_us,
       c.min_rtt_us                                            AS min_rtt_us,
       CASE c.owner_source WHEN 1 THEN 'connect' WHEN 2 THEN 'accept' WHEN 3 THEN 'close'
                           WHEN 4 THEN 'scan' WHEN 5 THEN 'listener' WHEN 6 THEN 'kernel'
                           END                                 AS owner_source,
       q.pid                                                   AS closed_by,
       c.outcome >= 16                                         AS failed,
       c.accept_wait_us                                        AS accept_wait_us,
       ifnull(c.thread, g.comm)                                AS thread,
       k.container_id                                          AS container_id,
       k.pod                                                   AS pod,
       (c.flags & 32) != 0                                     AS loopback,
       c.cookie                                                AS cookie,
       c.flags                                                 AS flags
  FROM connection c
  LEFT JOIN local_address l ON l.id = c.local_id
  LEFT JOIN process p   ON p.id = c.process_id
  LEFT JOIN program g   ON g.id = p.program_id
  LEFT JOIN container k ON k.id = c.container_id
  LEFT JOIN process q   ON q.id = CASE c.closer_id WHEN 0 THEN c.process_id ELSE c.closer_id END;

-- The columns in the same order, of the same affinities, or SQLite does not read the two
-- side by side.
CREATE VIEW open_connections (
  id, started_at, ended_at, direction, outcome, error, comm, exe, pid, uid, container, netns,
  family, local_addr, local_port, peer_addr, peer_port, service_port,
  connect_us, duration_us, tx_bytes, rx_bytes, retransmits, srtt_us,
  min_rtt_us, owner_source, closed_by, failed, accept_wait_us, thread,
  container_id, pod, loopback, cookie, flags
) AS
SELECT CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER),
       strftime('%Y-%m-%dT%H:%M:%fZ', o.start_us / 1e6, 'unixepoch'),
       NULL,
       CASE o.direction WHEN 0 THEN 'out' ELSE 'in' END,
       CASE o.outcome WHEN 0 THEN 'connecting' ELSE 'open' END,
       NULL,
       g.comm,
       g.exe,
       p.pid,
       g.uid,
       k.name,
       o.netns,
       CASE WHEN o.peer_addr LIKE '%:%' THEN 6 ELSE 4 END,
       o.local_addr,
       o.local_port,
       o.peer_addr,
       o.peer_port,
       CASE o.direction WHEN 0 THEN o.peer_port ELSE o.local_port END,
       o.connect_us,
       CAST((julianday('now') - 2440587.5) * 86400e6 - o.start_us AS INTEGER),
       o.tx_bytes,
       o.rx_bytes,
       o.retransmits,
       o.srtt_us,
       o.min_rtt_us,
       CASE o.owner_source WHEN 1 THEN 'connect' WHEN 2 THEN 'accept' WHEN 3 THEN 'close'
                           WHEN 4 THEN 'scan' WHEN 5 THEN 'listener' WHEN 6 THEN 'kernel'
                           END,
       q.pid,
       0,
       o.accept_wait_us,
       ifnull(o.thread, g.comm),
       k.container_id,
       k.pod,
       (o.flags & 32) != 0,
       o.cookie,
       o.flags
  FROM open_connection o
  LEFT JOIN process p   ON p.id = o.process_id
  LEFT JOIN program g   ON g.id = p.program_id
  LEFT JOIN container k ON k.id = o.container_id
  LEFT JOIN process q   ON q.id = o.closer_id;

CREATE VIEW connections AS
SELECT * FROM ended_connections UNION ALL SELECT * FROM open_connections;

-- Active at some moment in the last hour, the last day.
CREATE VIEW last_hour AS
SELECT * FROM connections WHERE id >= (unixepoch('now') - 3600) * 1000000;
CREATE VIEW last_day AS
SELECT * FROM connections WHERE id >= (unixepoch('now') - 86400) * 1000000;
