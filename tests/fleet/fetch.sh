#!/bin/sh
# Debian's clickhouse-server and client, unpacked and not installed: the package would start a
# service. With them the libraries that they need and that are not installed.
#
#   fetch.sh FOLDER                    (made anew)
set -eu
rm -rf "$1"
mkdir -p "$1/debs/partial"
cd "$1"
apt-get update -q
apt-get install -qy --download-only --no-install-recommends \
	-o "Dir::Cache::archives=$PWD/debs/" clickhouse-server clickhouse-client
for deb in debs/*.deb; do
	dpkg-deb -x "$deb" .
done
rm -rf debs
