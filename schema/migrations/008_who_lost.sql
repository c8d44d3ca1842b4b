-- A gap names who flooded: the user whose connections were most of those that found no room.

-- What stands within these statements is kept with the table, for `connmon-query schema`.
ALTER TABLE gap ADD COLUMN
  uid INTEGER /* the user who lost most of them; NULL: not known */;
ALTER TABLE gap ADD COLUMN
  uid_count INTEGER /* how many of count were that user's */;

DROP VIEW gaps;
CREATE VIEW gaps AS
SELECT id, from_us, to_us,
       strftime('%Y-%m-%dT%H:%M:%fZ', from_us / 1e6, 'unixepoch') AS from_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', to_us / 1e6, 'unixepoch')   AS to_at,
       reason, count, uid, uid_count
  FROM gap;
