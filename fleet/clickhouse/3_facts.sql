-- Facts around connections. sent_us is when a row was sent: the newest of a key holds.
--
-- What a later version adds to a table stands in its CREATE, and below it as ALTER ... ADD COLUMN, each
-- of one column: that is left out where the column is there.

-- Where the history of a node has holes: those of the node, by their number there, and the
-- forwarder's own: -1, 'pruned': rows that the node's retention deleted before they were sent;
-- -2, 'rejected': rows that no server would take.
CREATE TABLE IF NOT EXISTS gaps@local@ (
  node_id   @word@,
  node      @word@,
  id        Int64,
  from_us   Int64,
  to_us     Int64,
  reason    @word@,
  count     Nullable(Int64),
  uid       Nullable(Int64),          -- the user who lost most of them; NULL: not known
  uid_count Nullable(Int64),          -- how many of count were that user's
  sent_us   UInt64
) ENGINE = @replacing(gaps, sent_us)@
ORDER BY (node_id, from_us, id);

@sharded CREATE TABLE IF NOT EXISTS gaps AS gaps_local
@sharded ENGINE = Distributed(@cluster@, @database@, gaps_local, cityHash64(node_id));

-- Version 1 had none of these.
ALTER TABLE gaps@local@ ADD COLUMN uid Nullable(Int64) AFTER count;
ALTER TABLE gaps@local@ ADD COLUMN uid_count Nullable(Int64) AFTER uid;
@sharded ALTER TABLE gaps ADD COLUMN uid Nullable(Int64) AFTER count;
@sharded ALTER TABLE gaps ADD COLUMN uid_count Nullable(Int64) AFTER uid;

-- Each start of a collector.
CREATE TABLE IF NOT EXISTS runs@local@ (
  node_id          @word@,
  node             @word@,
  id               Int64,
  boot_id          String,
  version          @word@,
  pid              Int64,
  start_us         Int64,
  stop_us          Nullable(Int64),   -- NULL: running, or killed
  last_commit_us   Int64,
  seen             Int64,
  recorded         Int64,
  lost             Int64,
  recursion_misses Int64,
  rescued          Int64,
  sent_us          UInt64
) ENGINE = @replacing(runs, sent_us)@
ORDER BY (node_id, start_us, id);

@sharded CREATE TABLE IF NOT EXISTS runs AS runs_local
@sharded ENGINE = Distributed(@cluster@, @database@, runs_local, cityHash64(node_id));

-- Who listened where, from when to when. A step of the node's clock moves from_us, so it is not
-- in the key.
CREATE TABLE IF NOT EXISTS listeners@local@ (
  node_id      @word@,
  node         @word@,
  id           Int64,
  netns        Int64,
  addr         String,
  port         UInt16,
  comm         @word_or_null@,
  exe          @word_or_null@,
  uid          Nullable(Int64),
  container    @word_or_null@,
  container_id @word_or_null@,
  pod          @word_or_null@,
  from_us      Int64,
  to_us        Nullable(Int64),       -- NULL: still listening
  sent_us      UInt64
) ENGINE = @replacing(listeners, sent_us)@
ORDER BY (node_id, netns, addr, port, id);

@sharded CREATE TABLE IF NOT EXISTS listeners AS listeners_local
@sharded ENGINE = Distributed(@cluster@, @database@, listeners_local, cityHash64(node_id));

-- Processes that connected, or began those that did; parent_id is another's id on that node.
CREATE TABLE IF NOT EXISTS processes@local@ (
  node_id      @word@,
  node         @word@,
  id           Int64,
  boot         Int64,                 -- the first run of the boot it lived in, of runs
  pid          Int64,
  start_us     Int64,
  ppid         Nullable(Int64),
  parent_id    Nullable(Int64),
  comm         @word@,
  exe          @word_or_null@,
  uid          Int64,
  container    @word_or_null@,        -- of the program
  container_id @word_or_null@,
  pod          @word_or_null@,
  cmdline      Nullable(String),
  exit_us      Nullable(Int64),
  sent_us      UInt64
) ENGINE = @replacing(processes, sent_us)@
PARTITION BY toYYYYMM(toDateTime(intDiv(start_us, 1000000), 'UTC'))
ORDER BY (node_id, start_us, pid, id)
@new TTL toDateTime(intDiv(sent_us, 1000000)) + INTERVAL @keep_totals_days@ DAY
;

@sharded CREATE TABLE IF NOT EXISTS processes AS processes_local
@sharded ENGINE = Distributed(@cluster@, @database@, processes_local, cityHash64(node_id));

-- Which names were answered with which address, by whom.
CREATE TABLE IF NOT EXISTS names@local@ (
  node_id  @word@,
  node     @word@,
  address  String,
  name     String,
  server   @word@,
  first_us Int64,
  last_us  Int64,
  answers  Int64,
  sent_us  UInt64
) ENGINE = @replacing(names, sent_us)@
ORDER BY (node_id, address, name, server)
@new TTL toDateTime(intDiv(last_us, 1000000)) + INTERVAL @keep_totals_days@ DAY
;

@sharded CREATE TABLE IF NOT EXISTS names AS names_local
@sharded ENGINE = Distributed(@cluster@, @database@, names_local, cityHash64(node_id));
