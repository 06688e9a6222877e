# systemd as the first process of namespaces of its own, with one unit enabled. Nothing of the
# machine's own systemd, files or devices is touched: what is written goes to file systems in
# memory, the kernel's settings are read-only, and the console is nowhere.
#
# $1: a directory with units/ and etc/; $2: the binary under test; $3: the sysusers file.
set -e
cp /etc/hosts /etc/resolv.conf "$1/etc/"
mkdir "$1/layer"
mount -t tmpfs tmpfs "$1/layer"
mkdir "$1/layer/upper" "$1/layer/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$1/layer/upper,workdir=$1/layer/work" overlay /etc
systemd-sysusers "$3"
cp -r "$1/etc/." /etc/
chown -R root:harbormouth /etc/harbormouth
chmod -R u=rwX,g=rX,o= /etc/harbormouth
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
install -m 755 "$2" /usr/local/bin/harbormouth

mount -t tmpfs -o mode=755 tmpfs /run
cp -r "$1/units" /run/units
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /var/tmp
mount --bind /dev/null /dev/console
mount --bind /dev/null /dev/kmsg
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys

# The control groups anew, so that their root is the one that we were put into.
kind=$(stat -f -c %T /sys/fs/cgroup)
awk '$2 ~ "^/sys/fs/cgroup" { print $2 }' /proc/mounts | sort -r | xargs umount -l
if [ "$kind" = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
fi
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/run/units \
    SYSTEMD_GENERATOR_PATH=/nowhere SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nowhere \
    /lib/systemd/systemd --system --unit=multi-user.target \
    --show-status=no --log-target=null
