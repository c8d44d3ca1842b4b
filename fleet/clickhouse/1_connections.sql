-- The history of many nodes in ClickHouse. connmon-forward --init creates what stands in these
-- files, in the order of their names. They are for Debian's 18.16 and for today's servers, one
-- or many; see fleet/dialect.h for what @word@ and @old, @new, @sharded at the begin of a line
-- stand for. Names of tables and columns are the same everywhere.
--
-- In every table node_id is the machine id of the node and node its name. Text, words and units
-- are those of the node's own views (connmon-query schema): addresses canonical, names of
-- processes escaped, NULL what is unknown, _us microseconds, or since the Unix epoch.
--
-- What a node sends it may send twice: after an answer that was lost, and after a state file that
-- was. So every table is a ReplacingMergeTree, whose key is what a row is known by; but ClickHouse
-- merges when it likes. Read with FINAL, or from the views, or rows count twice.

-- One row for each connection that ended. The batches of a node follow each other in the order
-- of id, and none reaches into two days: so an INSERT is of one partition, and there whole or not
-- at all, and max(id) of a node says what is here.
CREATE TABLE IF NOT EXISTS connections@local@ (
  node_id        @word@,
  node           @word@,
  id             Int64,               -- the end, made strictly increasing; the start is
  duration_us    Int64,               -- id - duration_us
  direction      @word@,              -- out, in
  outcome        @word@,
  error          @word_or_null@,
  comm           @word_or_null@,
  exe            @word_or_null@,
  pid            Nullable(Int64),
  uid            Nullable(Int64),
  container      @word_or_null@,
  container_id   @word_or_null@,
  pod            @word_or_null@,
  netns          Int64,
  family         UInt8,               -- 4, 6
  local_addr     @word@,
  local_port     UInt16,
  peer_addr      String,
  peer_port      UInt16,
  service_port   UInt16,
  connect_us     Nullable(Int64),
  tx_bytes       Int64,
  rx_bytes       Int64,
  retransmits    Int64,
  srtt_us        Nullable(Int64),
  min_rtt_us     Nullable(Int64),
  owner_source   @word_or_null@,
  closed_by      Nullable(Int64),
  failed         UInt8,
  accept_wait_us Nullable(Int64),
  thread         @word_or_null@,
  loopback       UInt8,
  cookie         Nullable(Int64),
  flags          Int64,
  process_id     Nullable(Int64),     -- of processes
  -- Made from the others when they are read. For networks: an IPv4 address is ::ffff:a.b.c.d.
@old  peer_ip        FixedString(16) ALIAS IPv6StringToNum(if(family = 4, concat('::ffff:', peer_addr), peer_addr)),
@old  started_at     DateTime ALIAS toDateTime(intDiv(id - duration_us, 1000000)),
@old  ended_at       DateTime ALIAS toDateTime(intDiv(id, 1000000))
@new  peer_ip        IPv6 ALIAS toIPv6(peer_addr),
@new  started_at     DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(id - duration_us, 'UTC'),
@new  ended_at       DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(id, 'UTC')
) ENGINE = @replacing(connections)@
PARTITION BY toYYYYMMDD(toDateTime(intDiv(id, 1000000), 'UTC'))
ORDER BY (node_id, id)
@new TTL toDateTime(intDiv(id, 1000000)) + INTERVAL @keep_days@ DAY
@settings@;

@sharded CREATE TABLE IF NOT EXISTS connections AS connections_local
@sharded ENGINE = Distributed(@cluster@, @database@, connections_local, cityHash64(node_id));

-- What is open on the nodes. The row of a connection is sent again now and then, and once more,
-- with is_over = 1, when it is over; then it is a row of connections. Read those with
-- is_over = 0. A node says that one is over before it sends the row of the end: for a
-- moment it is in neither table, but never in both.
CREATE TABLE IF NOT EXISTS open_connections@local@ (
  node_id        @word@,
  node           @word@,
  open_id        Int64,               -- the node's name for it
  start_us       Int64,
  seen_us        Int64,               -- when these facts were true
  sent_us        UInt64,              -- the newest row of a connection holds
  is_over        UInt8,
  direction      @word@,
  outcome        @word@,              -- connecting, open
  error          @word_or_null@,
  comm           @word_or_null@,
  exe            @word_or_null@,
  pid            Nullable(Int64),
  uid            Nullable(Int64),
  container      @word_or_null@,
  container_id   @word_or_null@,
  pod            @word_or_null@,
  netns          Int64,
  family         UInt8,
  local_addr     @word@,
  local_port     UInt16,
  peer_addr      String,
  peer_port      UInt16,
  service_port   UInt16,
  connect_us     Nullable(Int64),
  tx_bytes       Int64,
  rx_bytes       Int64,
  retransmits    Int64,
  srtt_us        Nullable(Int64),
  min_rtt_us     Nullable(Int64),
  owner_source   @word_or_null@,
  closed_by      Nullable(Int64),
  failed         UInt8,
  accept_wait_us Nullable(Int64),
  thread         @word_or_null@,
  loopback       UInt8,
  cookie         Nullable(Int64),
  flags          Int64,
  process_id     Nullable(Int64),     -- of processes
@old  peer_ip        FixedString(16) ALIAS IPv6StringToNum(if(family = 4, concat('::ffff:', peer_addr), peer_addr)),
@old  started_at     DateTime ALIAS toDateTime(intDiv(start_us, 1000000))
@new  peer_ip        IPv6 ALIAS toIPv6(peer_addr),
@new  started_at     DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(start_us, 'UTC')
) ENGINE = @replacing(open_connections, sent_us)@
PARTITION BY toYYYYMM(toDateTime(intDiv(start_us, 1000000), 'UTC'))
ORDER BY (node_id, open_id, start_us)
@new TTL toDateTime(intDiv(sent_us, 1000000)) + INTERVAL 7 DAY
;

@sharded CREATE TABLE IF NOT EXISTS open_connections AS open_connections_local
@sharded ENGINE = Distributed(@cluster@, @database@, open_connections_local, cityHash64(node_id));
