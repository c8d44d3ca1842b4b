#!/bin/busybox sh
# shellcheck shell=dash
# The first process of the guest of systemd.sh: finds the disk, lays the files on it, and gives
# way to systemd.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
while read -r module; do
	insmod "$module"
done < /modules/order
mount -t ext4 /dev/vda /disk
mkdir /disk/test
cp /files/* /disk/test/
# Nobody logs in there, and without udev the wait for the device is long.
ln -s /dev/null /disk/etc/systemd/system/serial-getty@ttyS0.service
cat > /disk/etc/systemd/system/guest.service <<-END
	[Unit]
	After=multi-user.target
	[Service]
	Type=oneshot
	ExecStart=/test/guest.sh
	StandardOutput=file:/dev/ttyS1
	StandardError=file:/dev/ttyS1
	TimeoutStartSec=infinity
	END
mkdir -p /disk/etc/systemd/system/default.target.wants
ln -s ../guest.service /disk/etc/systemd/system/default.target.wants/guest.service
umount /proc
exec switch_root /disk /sbin/init
