-- Names: what answers to DNS queries said of addresses, as packets passed this node.

-- A claim of whoever sent from that address: nobody has proved it. What stands in name is what
-- was asked for, also where the answer went through other names (CNAME). Escaped as names of
-- processes are, and a dot within a label as \x2e.
--: dns_name  which names were answered with which address, by whom; view: dns_names
--: dns_name.address  what was answered, canonical, as connection.peer_addr
CREATE TABLE dns_name (
  address  TEXT    NOT NULL,
  name     TEXT    NOT NULL,           -- what was asked for: lower case, without the last dot
  server   TEXT    NOT NULL,           -- the address the answer came from
  first_us INTEGER NOT NULL,           -- when the first answer was seen, since the epoch
  last_us  INTEGER NOT NULL,           -- when the last was, since the epoch; may lag by a minute
  answers  INTEGER NOT NULL,           -- how many were; the last minute's may be missing
  PRIMARY KEY (address, name, server)
) STRICT, WITHOUT ROWID;
CREATE INDEX dns_name_name ON dns_name(name);
-- For the oldest to be found. 80 bytes of the 240 that a row takes; as rows are renewed together,
-- once a minute, it adds an eighth to what that writes.
CREATE INDEX dns_name_last ON dns_name(last_us);

--: dns_account  packets from port 53 that a run read, and what became of them
--: dns_account.run_id  which run, of run; no row: that run recorded no names
CREATE TABLE dns_account (
  -- Packets from port 53 that a run read, and what became of them:
  -- seen = used + passed + copies + malformed + fragments + cut.
  run_id    INTEGER PRIMARY KEY REFERENCES run,
  seen      INTEGER NOT NULL,          -- packets read
  used      INTEGER NOT NULL,          -- those with an address for the name that was asked for
  passed    INTEGER NOT NULL,          -- those in order, but without one
  copies    INTEGER NOT NULL,          -- those that another interface had shown a moment before
  malformed INTEGER NOT NULL,          -- those that are no DNS as it should be
  fragments INTEGER NOT NULL,          -- those that came in pieces, of which the first is counted
  cut       INTEGER NOT NULL,          -- those that hold a part only of what was sent
  dropped   INTEGER NOT NULL,          -- never read: the kernel had no room for them
  overflow  INTEGER NOT NULL,          -- names in packets used that found no room
  pruned    INTEGER NOT NULL           -- rows of dns_name deleted, the oldest, for they were too many
) STRICT;

--: dns_names  dns_name with readable times
--: dns_names.* as dns_name
--: dns_names.first_seen_at TEXT when the first answer was seen
--: dns_names.last_seen_at TEXT when the last was; may lag by a minute
CREATE VIEW dns_names AS
SELECT address, name, server,
       strftime('%Y-%m-%dT%H:%M:%fZ', first_us / 1e6, 'unixepoch') AS first_seen_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', last_us / 1e6, 'unixepoch')  AS last_seen_at,
       answers
  FROM dns_name;
