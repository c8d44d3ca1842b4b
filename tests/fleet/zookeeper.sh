#!/bin/sh
# A real ZooKeeper for a test, on 127.0.0.1. Its four libraries are Debian's, unpacked into
# build-zookeeper and not installed; java must be there.
#
#   zookeeper.sh before COMMAND...     fetches it, where there is a network, and runs COMMAND
#   zookeeper.sh run PORT FOLDER       in the foreground; FOLDER is for its files
set -eu
unpacked=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")/build-zookeeper
jars=$unpacked/usr/share/java

fetch() {
	command -v java > /dev/null || {
		echo "zookeeper.sh: java is missing: apt-get install default-jre-headless" >&2
		exit 1
	}
	[ ! -e "$jars/zookeeper.jar" ] || return 0
	rm -rf "$unpacked"
	mkdir "$unpacked"
	cd "$unpacked"
	apt-get download -q libzookeeper-java libslf4j-java libdropwizard-metrics-java libsnappy-java
	for deb in ./*.deb; do dpkg-deb -x "$deb" .; done
	rm -f ./*.deb
	cd "$OLDPWD"
}

run() { # PORT FOLDER
	mkdir -p "$2"
	cat > "$2/zoo.cfg" <<-END
		tickTime=500
		dataDir=$2/data
		clientPort=$1
		clientPortAddress=127.0.0.1
		admin.enableServer=false
	END
	cd "$jars"
	exec java -Xmx128m \
		-cp zookeeper.jar:zookeeper-jute.jar:slf4j-api.jar:slf4j-simple.jar:metrics-core.jar:snappy-java.jar \
		org.apache.zookeeper.server.quorum.QuorumPeerMain "$2/zoo.cfg"
}

case ${1:-} in
before)
	shift
	fetch
	exec "$@"
	;;
run) run "$2" "$3" ;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
