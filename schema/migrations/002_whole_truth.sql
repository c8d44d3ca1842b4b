-- What the capture tells since it knows more: which thread connected, a process's
-- parent and exit, a container's id and pod, listeners, and the account of each run.

-- In flags, 16 now says: a path of a Multipath TCP connection, which has a row for each
-- of its paths, each with the bytes that went over it. Not set when the peer answered in
-- plain TCP. And srtt_us may mislead where this node answered with a SYN cookie: the first
-- measure of such a connection is false by up to 64 ms, and the average forgets it only
-- slowly; min_rtt_us is right as soon as the peer acknowledged anything.

-- What stands within these statements is kept with the table, for `connmon-query schema`.
-- A column that is added comes before what 001 says behind the last one.

ALTER TABLE connection ADD COLUMN
  thread TEXT /* the thread's own name, when it is not that of its process */;
ALTER TABLE open_connection ADD COLUMN
  thread TEXT /* likewise */;

-- Of process now: the parents of an owner have rows too, up to eight of them. cmdline is
-- what a shell would take apart into the arguments: one that is empty, ends in '...' or
-- holds anything but A-Z a-z 0-9 @%_+=:,./- stands in single quotes (' itself as '\''). It
-- is then escaped as names are. Of more than 512 bytes the rest is cut: the line then ends
-- in ... outside of quotes. A process that wrote a title over its arguments shows that when
-- it was older than the run.
ALTER TABLE process ADD COLUMN
  parent_id INTEGER REFERENCES process /* as it was when this one began; NULL when only its
                                          pid is known */;
ALTER TABLE process ADD COLUMN
  exit_us INTEGER /* NULL: still running, or not seen; cmdline is there */;

-- name is now what the runtime calls it, if that is to be found on disk.
ALTER TABLE container ADD COLUMN
  container_id TEXT /* the runtime's id, whole; NULL: it has none */;
ALTER TABLE container ADD COLUMN
  pod TEXT /* namespace/name, else its uid; NULL: not in a pod; name is */;

ALTER TABLE listener ADD COLUMN
  cookie INTEGER /* the socket's: a later run knows by it what it takes over */;

--: account  what the kernel side sent in a run, and what became of it
--: account.run_id  which run, of run
--: account.seen  records sent: recorded + lost + filtered
CREATE TABLE account (
  -- What the kernel side sent in a run, and what became of it:
  -- seen = recorded + lost + filtered, for each kind of record.
  run_id   INTEGER NOT NULL REFERENCES run,
  record   TEXT    NOT NULL, -- end, open, attempt, owner, listen, exec, exit, cgroup
  seen     INTEGER NOT NULL,
  recorded INTEGER NOT NULL, -- read by the collector; of ends: rows in connection
  lost     INTEGER NOT NULL, -- for want of room, or in no order; the table gap says when and why
  filtered INTEGER NOT NULL, -- left out because the collector was told to
  PRIMARY KEY (run_id, record)
) STRICT, WITHOUT ROWID;

DROP VIEW connections;
CREATE VIEW connections AS
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
       c.netns                                                 AS netns,
       CASE WHEN c.peer_addr LIKE '%:%' THEN 6 ELSE 4 END      AS family,
       c.local_addr                                            AS local_addr,
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
       k.pod                                                   AS pod
  FROM connection c
  LEFT JOIN process p   ON p.id = c.process_id
  LEFT JOIN program g   ON g.id = p.program_id
  LEFT JOIN container k ON k.id = c.container_id
  LEFT JOIN process q   ON q.id = c.closer_id
UNION ALL
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
       k.pod
  FROM open_connection o
  LEFT JOIN process p   ON p.id = o.process_id
  LEFT JOIN program g   ON g.id = p.program_id
  LEFT JOIN container k ON k.id = o.container_id
  LEFT JOIN process q   ON q.id = o.closer_id;

DROP VIEW processes;
--: processes.ended_at TEXT when it exited; NULL: still running, or not seen
--: processes.parent_comm  the program of its parent; NULL when only the pid is known
--: processes.parent_exe  the file of that program
CREATE VIEW processes AS
SELECT p.pid, p.ppid, g.comm, g.exe, g.uid, k.name AS container, p.cmdline,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.start_us / 1e6, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.exit_us / 1e6, 'unixepoch')  AS ended_at,
       pg.comm AS parent_comm, pg.exe AS parent_exe
  FROM process p
  JOIN program g        ON g.id = p.program_id
  LEFT JOIN container k ON k.id = g.container_id
  LEFT JOIN process pp  ON pp.id = p.parent_id
  LEFT JOIN program pg  ON pg.id = pp.program_id;
