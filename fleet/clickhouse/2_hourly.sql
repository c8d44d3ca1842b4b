-- Exact totals of finished hours, by the hour of the end: the node's own, as its collector made
-- them. A materialized view over connections would count a batch that is sent twice
-- twice, and states that forget what is double (uniq) are not exact; the node's totals exist, are
-- exact, and a seventh of the rows. They are here up to nodes.totals_until_us of each node; what
-- ended since then is to be taken from connections.
--
-- A row never changes once its hour is over. When a node begins a new database within an hour, the
-- old one never finished it: its part is in connections, and not here. first_start_us, the start of
-- the connection that started first, tells rows of two databases apart.
CREATE TABLE IF NOT EXISTS hourly@local@ (
  node_id         @word@,
  node            @word@,
  hour            DateTime('UTC'),    -- its begin
  direction       @word@,
  peer_addr       String,
  service_port    UInt16,
  comm            @word_or_null@,
  exe             @word_or_null@,
  uid             Nullable(Int64),
  container       @word_or_null@,     -- of the connections
  container_id    @word_or_null@,
  pod             @word_or_null@,
  loopback        UInt8,
  program         Int64,              -- the node's numbers of program and container, by which it
  cgroup          Int64,              -- tells its rows apart; 0: none
  attempts        Int64,              -- connections, those that never came about included
  failed          Int64,
  resets          Int64,
  tx_bytes        Int64,
  rx_bytes        Int64,
  retransmits     Int64,
  connects        Int64,              -- those that have a connect_us
  connect_us_sum  Int64,
  connect_us_max  Int64,
  duration_us_sum Int64,
  first_start_us  Int64,
  last_start_us   Int64
) ENGINE = @replacing(hourly)@
PARTITION BY toYYYYMM(hour)
ORDER BY (node_id, hour, direction, peer_addr, service_port, program, cgroup, loopback, first_start_us)
@new TTL hour + INTERVAL @keep_totals_days@ DAY
@settings@;

@sharded CREATE TABLE IF NOT EXISTS hourly AS hourly_local
@sharded ENGINE = Distributed(@cluster@, @database@, hourly_local, cityHash64(node_id));
