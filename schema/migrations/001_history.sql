-- connmon's history: who on this node talked to whom, when, how it went, and
-- which process did it. Read the views at the end; the tables are how they are kept.
--
-- Every time is in microseconds since the Unix epoch, UTC, and named _us; so is
-- every duration. Addresses are canonical text (RFC 5952 for IPv6; an IPv4
-- address that came over an IPv6 socket is kept as IPv4). Names of processes are
-- escaped when they are stored: \xNN for what a terminal would obey, \\ for \.
--
-- `connmon-query schema` prints what lines that start with --: say, and what stands behind a
-- column of a table. query/meaning.h tells how they are written.

-- One row for each TCP connection attempt, out and in, written once, when it ended.
-- The key is the time of the end, made strictly increasing: rows are only ever
-- appended, --since is a range of the key, and "newer than the last I saw" is complete.
--: connection  one row for each TCP connection attempt, written once, when it ended
--: connection.duration_us  from its start to its end
CREATE TABLE connection (
  id             INTEGER PRIMARY KEY,  -- the end; the start is id - duration_us
  duration_us    INTEGER NOT NULL,
  direction      INTEGER NOT NULL,     -- 0 out (this node connected), 1 in (it accepted)
  outcome        INTEGER NOT NULL,     -- the view connections names them; from 16 on: failed
  error          INTEGER,              -- errno, NULL if none
  local_addr     TEXT    NOT NULL,
  local_port     INTEGER NOT NULL,
  peer_addr      TEXT    NOT NULL,
  peer_port      INTEGER NOT NULL,
  process_id     INTEGER REFERENCES process,   -- the owner; NULL when unknown
  closer_id      INTEGER REFERENCES process,   -- who closed it; NULL when no process here did
  container_id   INTEGER REFERENCES container, -- from the socket's own cgroup; NULL in the root cgroup
  netns          INTEGER NOT NULL,     -- as `readlink /proc/PID/ns/net` shows it
  connect_us     INTEGER,              -- from connect() to established, out only
  accept_wait_us INTEGER,              -- from established to accept(), in only
  tx_bytes       INTEGER NOT NULL,     -- payload, each byte once, retransmits not counted
  rx_bytes       INTEGER NOT NULL,     -- payload
  retransmits    INTEGER NOT NULL,     -- segments, SYNs included
  srtt_us        INTEGER,              -- the kernel's smoothed round-trip time at the end
  min_rtt_us     INTEGER,              -- the least round-trip time the kernel still remembered
  cookie         INTEGER,              -- the socket's cookie, as `ss -e` shows it (sk:)
  owner_source   INTEGER,              -- how the owner is known: 1 connect 2 accept 3 close
                                       -- 4 scan 5 listener 6 kernel; NULL when unknown
  flags          INTEGER NOT NULL      -- 1 v4-mapped 2 older than the collector's run
                                       -- 4 begin not seen: the start is when it was met
                                       -- 8 the peer closed first
) STRICT;

-- Failures are few and asked for often. No other index: one with a random key
-- would multiply what each row writes to the disk.
CREATE INDEX connection_failed ON connection(id) WHERE outcome >= 16;

-- What is open now, if it has been for longer than one flush. A row moves to
-- connection when it ends.
--: open_connection  what is open now, if it has been for longer than one flush
--: open_connection.* as connection
--: open_connection.start_us  when it started, since the epoch
--: open_connection.netns  its network namespace, as `readlink /proc/PID/ns/net` shows it
--: open_connection.local_addr  the address on this node
--: open_connection.thread  the thread's own name, when it is not that of its process
--: open_connection.closer_id  who closed it, of process; NULL when no process here did
--: open_connection.error  NULL
--: open_connection.srtt_us  the kernel's smoothed round-trip time when it was last seen
CREATE TABLE open_connection (
  id             INTEGER PRIMARY KEY,  -- the kernel side's name for the connection, this boot
  start_us       INTEGER NOT NULL,
  seen_us        INTEGER NOT NULL,     -- when these facts were true
  direction      INTEGER NOT NULL,
  outcome        INTEGER NOT NULL,     -- 0 connecting, 1 open
  error          INTEGER,
  local_addr     TEXT    NOT NULL,
  local_port     INTEGER NOT NULL,
  peer_addr      TEXT    NOT NULL,
  peer_port      INTEGER NOT NULL,
  process_id     INTEGER REFERENCES process,
  closer_id      INTEGER REFERENCES process,
  container_id   INTEGER REFERENCES container,
  netns          INTEGER NOT NULL,
  connect_us     INTEGER,
  accept_wait_us INTEGER,
  tx_bytes       INTEGER NOT NULL,
  rx_bytes       INTEGER NOT NULL,
  retransmits    INTEGER NOT NULL,
  srtt_us        INTEGER,
  min_rtt_us     INTEGER,
  cookie         INTEGER,
  owner_source   INTEGER,
  flags          INTEGER NOT NULL
) STRICT;

-- A process as it was when it connected. One that calls exec goes on under the
-- same pid and start as another program, and gets a second row.
--: process  a process, under one program: one that calls exec gets a second row
--: process.id  its number in this database
--: process.boot  the first run of the boot it lived in, of run
--: process.pid  as the node sees it
--: process.start_us  when it started, since the epoch
--: process.ppid  the pid of its parent
--: process.program_id  what it runs, of program
--: process.cmdline  its arguments as a shell would take them apart; only when asked for
CREATE TABLE process (
  id         INTEGER PRIMARY KEY,
  boot       INTEGER NOT NULL REFERENCES run,  -- the first run of the boot it lived in
  pid        INTEGER NOT NULL,
  start_us   INTEGER NOT NULL,
  ppid       INTEGER,
  program_id INTEGER NOT NULL REFERENCES program,
  cmdline    TEXT,                             -- only when asked for
  UNIQUE (boot, pid, start_us, program_id)
) STRICT;

-- What reports group by.
--: program  a program as somebody ran it: what reports group by
--: program.id  its number in this database
--: program.comm  its name, as the kernel has it: 15 bytes at most
--: program.uid  the user it ran as
--: program.container_id  where it ran, of container; NULL: in the root cgroup
CREATE TABLE program (
  id           INTEGER PRIMARY KEY,
  comm         TEXT    NOT NULL,
  exe          TEXT,                           -- NULL when it could not be read in time
  uid          INTEGER NOT NULL,
  container_id INTEGER REFERENCES container
) STRICT;
CREATE UNIQUE INDEX program_key
  ON program(comm, ifnull(exe, ''), uid, ifnull(container_id, 0));

-- Every cgroup but the root, and the container it belongs to, if it looks like one.
--: container  every cgroup but the root, and the container it belongs to
--: container.id  its number in this database
CREATE TABLE container (
  id        INTEGER PRIMARY KEY,
  cgroup_id INTEGER NOT NULL,                  -- the kernel's number of the cgroup
  path      TEXT    NOT NULL,                  -- below the cgroup mount; '' when unknown
  runtime   TEXT,                              -- docker, containerd, crio, podman ...; NULL: none
  name      TEXT,                              -- as its runtime calls it, else 12 digits of its id
  UNIQUE (cgroup_id, path)
) STRICT;

-- Who listened where, from when to when.
--: listener  who listened where, from when to when
--: listener.id  its number in this database
--: listener.netns  its network namespace, as `readlink /proc/PID/ns/net` shows it
--: listener.addr  the address it listened on; 0.0.0.0 and ::, on all
--: listener.port  the port it listened on
--: listener.program_id  who listened, of program; NULL when unknown
--: listener.from_us  since when, since the epoch
CREATE TABLE listener (
  id         INTEGER PRIMARY KEY,
  netns      INTEGER NOT NULL,
  addr       TEXT    NOT NULL,
  port       INTEGER NOT NULL,
  program_id INTEGER REFERENCES program,
  from_us    INTEGER NOT NULL,
  to_us      INTEGER                           -- NULL: still listening
) STRICT;

-- Exact totals of finished hours, by the hour of the end.
CREATE TABLE hourly (
  hour         INTEGER NOT NULL,               -- hours since the epoch
  direction    INTEGER NOT NULL,
  peer_addr    TEXT    NOT NULL,
  service_port INTEGER NOT NULL,
  program_id   INTEGER NOT NULL,               -- 0: unknown
  attempts     INTEGER NOT NULL,
  failed       INTEGER NOT NULL,
  tx_bytes     INTEGER NOT NULL,
  rx_bytes     INTEGER NOT NULL,
  connect_us_sum  INTEGER NOT NULL,
  connect_us_max  INTEGER NOT NULL,
  duration_us_sum INTEGER NOT NULL,
  PRIMARY KEY (hour, direction, peer_addr, service_port, program_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hourly_peer ON hourly(peer_addr, hour);

-- Each start of a collector.
--: run  each start of a collector
--: run.id  its number in this database
--: run.pid  of the collector
--: run.start_us  when it started, since the epoch
--: run.last_commit_us  when it last wrote, since the epoch
CREATE TABLE run (
  id             INTEGER PRIMARY KEY,
  boot_id        TEXT    NOT NULL,             -- /proc/sys/kernel/random/boot_id
  version        TEXT    NOT NULL,             -- of connmon-collect
  pid            INTEGER NOT NULL,
  start_us       INTEGER NOT NULL,
  stop_us        INTEGER,                      -- NULL: running, or killed
  last_commit_us INTEGER NOT NULL,
  seen           INTEGER NOT NULL,             -- ends and failures the kernel side met
  recorded       INTEGER NOT NULL,             -- rows written to connection
  lost           INTEGER NOT NULL,             -- ends it could not hand over: see gap
  recursion_misses INTEGER NOT NULL,           -- runs of our programs that the kernel passed over
  rescued        INTEGER NOT NULL              -- transitions that the second program then handled
) STRICT;

-- How the kernel's clock since boot maps to wall-clock time; a row for each start
-- and for each step of the wall clock. at_us is by the new time: of one boot, the later
-- row is that with the greater at_us - offset_us.
--: clock  how the kernel's clock since boot maps to wall-clock time
--: clock.at_us  since when it has been so, since the epoch; by the new time
--: clock.run_id  in which run, of run
CREATE TABLE clock (
  at_us     INTEGER PRIMARY KEY,
  run_id    INTEGER NOT NULL REFERENCES run,
  offset_us INTEGER NOT NULL                   -- wall clock minus time since boot
) STRICT;

-- Where the history has holes.
--: gap  where the history has holes
--: gap.id  its number in this database
--: gap.from_us  begin of the hole, since the epoch
--: gap.to_us  its end, since the epoch
--: gap.reason  ring_full table_full recursion stopped disk_full corrupt set_aside pruned
CREATE TABLE gap (
  id      INTEGER PRIMARY KEY,
  from_us INTEGER NOT NULL,
  to_us   INTEGER NOT NULL,
  reason  TEXT    NOT NULL CHECK (reason IN
            ('ring_full', 'table_full', 'recursion', 'stopped', 'disk_full', 'corrupt')),
  count   INTEGER                              -- events; NULL: nobody can know
) STRICT;

-- The public face. Ended and open connections together; an open one has ended_at
-- NULL and as id the moment of asking, so that id - duration_us is always the start
-- and "id >= since" always means "active since". Both arms need the same affinity in
-- each column, or ORDER BY id DESC LIMIT 20 reads everything: hence the CASTs.
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
       c.outcome >= 16                                         AS failed
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
       0
  FROM open_connection o
  LEFT JOIN process p   ON p.id = o.process_id
  LEFT JOIN program g   ON g.id = p.program_id
  LEFT JOIN container k ON k.id = o.container_id
  LEFT JOIN process q   ON q.id = o.closer_id;

-- Active at some moment in the last hour, the last day.
CREATE VIEW last_hour AS
SELECT * FROM connections WHERE id >= (unixepoch('now') - 3600) * 1000000;
CREATE VIEW last_day AS
SELECT * FROM connections WHERE id >= (unixepoch('now') - 86400) * 1000000;

CREATE VIEW hourly_totals AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', h.hour * 3600, 'unixepoch') AS hour,
       CASE h.direction WHEN 0 THEN 'out' ELSE 'in' END           AS direction,
       h.peer_addr, h.service_port, g.comm, g.exe, g.uid, k.name  AS container,
       h.attempts, h.failed, h.tx_bytes, h.rx_bytes,
       h.connect_us_sum, h.connect_us_max, h.duration_us_sum
  FROM hourly h
  LEFT JOIN program g   ON g.id = h.program_id
  LEFT JOIN container k ON k.id = g.container_id;

--: processes  the processes that connected, and their parents
--: processes.pid  as the node sees it
--: processes.ppid  the pid of its parent
--: processes.comm  the program's name, 15 bytes at most
--: processes.exe  the program's file; NULL when it could not be read in time
--: processes.uid  the user it ran as
--: processes.container  where it ran, by name, else 12 digits of its id; NULL: in none
--: processes.cmdline  its arguments as a shell would take them apart; only when asked for
--: processes.started_at TEXT when it started
CREATE VIEW processes AS
SELECT p.pid, p.ppid, g.comm, g.exe, g.uid, k.name AS container, p.cmdline,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.start_us / 1e6, 'unixepoch') AS started_at
  FROM process p
  JOIN program g        ON g.id = p.program_id
  LEFT JOIN container k ON k.id = g.container_id;

--: listeners  who listened where, from when to when
--: listeners.* as listener
--: listeners.comm  the program's name, 15 bytes at most; NULL when unknown
--: listeners.exe  the program's file; NULL when it could not be read in time
--: listeners.uid  the user it ran as
--: listeners.container  where it ran, by name, else 12 digits of its id; NULL: in none
--: listeners.from_at TEXT since when
--: listeners.to_at TEXT until when; NULL: still listening
CREATE VIEW listeners AS
SELECT l.netns, l.addr, l.port, g.comm, g.exe, g.uid, k.name AS container,
       strftime('%Y-%m-%dT%H:%M:%fZ', l.from_us / 1e6, 'unixepoch') AS from_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', l.to_us / 1e6, 'unixepoch')   AS to_at
  FROM listener l
  LEFT JOIN program g   ON g.id = l.program_id
  LEFT JOIN container k ON k.id = g.container_id;

CREATE VIEW gaps AS
SELECT id, from_us, to_us,
       strftime('%Y-%m-%dT%H:%M:%fZ', from_us / 1e6, 'unixepoch') AS from_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', to_us / 1e6, 'unixepoch')   AS to_at,
       reason, count
  FROM gap;
