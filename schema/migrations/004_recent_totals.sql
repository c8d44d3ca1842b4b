-- Questions about the last hour at once: what ended lately is totalled by five minutes, too,
-- for the parts of an hour that hourly cannot answer.

-- As hourly, of the five minutes in which the connections ended. Of what this node connected
-- to alone: its destinations are few, where nearly each connection that comes in is of a client
-- of its own, and sums of one row each save nothing.
--: recent  exact totals of five minutes each, of the last hours; of what this node called
--: recent.* as hourly
CREATE TABLE recent (
  slot            INTEGER NOT NULL,    -- five minutes since the epoch
  direction       INTEGER NOT NULL,    -- 0
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
                                       -- slot: negative when before it
  start_span_us   INTEGER NOT NULL,    -- from then to the start of the one that started last
  PRIMARY KEY (slot, direction, peer_addr, service_port, program_id, container_id, loopback)
) STRICT, WITHOUT ROWID;

--: recent_program  the same over all peers, in both directions
--: recent_program.* as recent
CREATE TABLE recent_program (
  -- The same over all peers, in both directions.
  slot            INTEGER NOT NULL,
  direction       INTEGER NOT NULL,    -- as in connection
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
  PRIMARY KEY (slot, direction, service_port, program_id, container_id, loopback)
) STRICT, WITHOUT ROWID;

CREATE TABLE extent_4 (
  -- What of the past is here. One row.
  id                INTEGER PRIMARY KEY CHECK (id = 1),
  totals_until_hour INTEGER NOT NULL,  -- hourly and hourly_program hold all of the hours before
                                       -- this one, and nothing to be read of it and later ones
  rows_from_us      INTEGER NOT NULL,  -- what ended before was deleted from connection; 0: nothing
  totals_from_hour  INTEGER NOT NULL,  -- hours before were deleted from both; 0: none
  recent_until_slot INTEGER NOT NULL,  -- recent and recent_program hold all of the slots before
                                       -- this one,
  recent_from_slot  INTEGER NOT NULL   -- from this one on, and nothing to be read of others
) STRICT;
INSERT INTO extent_4 SELECT id, totals_until_hour, rows_from_us, totals_from_hour, 0, 0 FROM extent;
DROP TABLE extent;
ALTER TABLE extent_4 RENAME TO extent;
