#!/usr/bin/env python3
"""connmon_pandas.py DB [SINCE [UNTIL]]: the history in pandas. Times are RFC 3339.

Debian: apt-get install python3-pandas
"""
import sqlite3
import sys

import pandas as pd


def read(path, since, until):
    """The connections that ended from since on, before until, one a row, indexed by their end."""
    # mode=ro: nothing can be written, and a collector that writes is not disturbed. Never
    # immutable=1: SQLite then takes the file for one that nobody writes, and shows old rows.
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    frame = pd.read_sql_query(
        # A bound on the key id is quick; one on ended_at reads all of the history.
        """SELECT id, outcome, failed, direction, comm, container, peer_addr, service_port,
                  connect_us, duration_us, tx_bytes, rx_bytes
             FROM ended_connections
            WHERE id >= ? AND id < ?""",
        db,
        params=[int(since.value // 1000), int(until.value // 1000)],
    )
    db.close()
    # Microseconds since the epoch; each is the key of its row, so no two are the same.
    frame.index = pd.to_datetime(frame.pop("id"), unit="us", utc=True)
    frame.index.name = "ended_at"
    return frame


def main():
    until = pd.Timestamp(sys.argv[3] if len(sys.argv) > 3 else pd.Timestamp.now(tz="UTC"))
    since = pd.Timestamp(sys.argv[2]) if len(sys.argv) > 2 else until - pd.Timedelta(hours=1)
    frame = read(sys.argv[1], since, until)
    if frame.empty:
        sys.exit(f"nothing ended from {since} to {until}")

    print("Connections by the quarter of an hour and by outcome")
    print(frame.groupby("outcome").resample("15min").size().unstack("outcome", fill_value=0)
          if frame["outcome"].nunique() > 1 else frame.resample("15min").size())

    print("\nTime to connect in ms, by destination")
    out = frame[(frame["direction"] == "out") & frame["connect_us"].notna()]
    print((out.groupby(["peer_addr", "service_port"])["connect_us"]
           .describe(percentiles=[0.5, 0.95, 0.99])
           .sort_values("count", ascending=False).head(5) / 1000)[["50%", "95%", "99%", "max"]]
          .round(1))


if __name__ == "__main__":
    main()
