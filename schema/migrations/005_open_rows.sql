-- A connection that ends stands among the others in open_row, in any page of it: to delete it at
-- once would write nearly all pages of what is open anew with each flush. So its id goes into
-- open_over, page after page, and both rows go together with many others.

--: open_row  what is open now, if it has been for longer than one flush, and some that is over
--: open_row.* as connection
CREATE TABLE open_row (
  -- What is open now, if it has been for longer than one flush, and some that is over. The
  -- columns are those of connection, where nothing is said.
  id             INTEGER PRIMARY KEY,  -- the kernel side's name for the connection, this boot
  start_us       INTEGER NOT NULL,     -- since the epoch
  seen_us        INTEGER NOT NULL,     -- when these facts were true
  direction      INTEGER NOT NULL,
  outcome        INTEGER NOT NULL,     -- 0 connecting, 1 open
  error          INTEGER,
  local_addr     TEXT    NOT NULL,     -- as of local_address
  local_port     INTEGER NOT NULL,
  peer_addr      TEXT    NOT NULL,
  peer_port      INTEGER NOT NULL,
  process_id     INTEGER REFERENCES process,
  closer_id      INTEGER REFERENCES process,
  container_id   INTEGER REFERENCES container,
  netns          INTEGER NOT NULL,     -- inode number
  connect_us     INTEGER,
  accept_wait_us INTEGER,
  tx_bytes       INTEGER NOT NULL,
  rx_bytes       INTEGER NOT NULL,
  retransmits    INTEGER NOT NULL,
  srtt_us        INTEGER,
  min_rtt_us     INTEGER,
  cookie         INTEGER,
  owner_source   INTEGER,
  flags          INTEGER NOT NULL,
  thread         TEXT                  -- the thread's own name, when it is not its process's
) STRICT;

--: open_over  rows of open_row whose connection is over; both go together later
--: open_over.id  the row of open_row
CREATE TABLE open_over (
  -- Rows of open_row whose connection is over, and stands in connection.
  id INTEGER PRIMARY KEY
) STRICT;

INSERT INTO open_row SELECT * FROM open_connection;
DROP TABLE open_connection;

--: open_connection  what is open now: open_row without what is over
--: open_connection.* as open_row
CREATE VIEW open_connection AS
SELECT * FROM open_row WHERE id NOT IN (SELECT id FROM open_over);
