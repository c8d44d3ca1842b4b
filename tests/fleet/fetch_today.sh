#!/bin/sh
# Today's ClickHouse engine as a library, 566 MB: out of npm's package of it, which is 178 MB. For
# x86_64 alone, as that is what was looked at.
#
#   fetch_today.sh FOLDER              (made anew)
set -eu
package=@chdb/lib-linux-x64-gnu@26.7.3-stable.1
sum=c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad

rm -rf "$1"
mkdir -p "$1"
cd "$1"
npm pack --silent "$package"
echo "$sum  $(ls ./*.tgz)" | sha256sum --check --quiet
tar -xzOf ./*.tgz package/libchdb.so > part
rm ./*.tgz
mv part libchdb.so
