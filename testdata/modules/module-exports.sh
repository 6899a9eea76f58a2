# Which files can be removed, and what the mount options are.
long=a-name-that-takes-several-entries-of-the-directory
try() {
	printf text > "/tmp/mnt/$1" || exit 1
	if rm "/tmp/mnt/$1" 2> /dev/null; then echo removed; else echo kept; fi
}

look() {
	mkdir -p /tmp/mnt
	dd if=/dev/zero of=/tmp/disk bs=1024 count=1024 2> /dev/null
	mkdosfs /tmp/disk > /dev/null 2>&1 || exit 1
	mount -t vfat -o loop /tmp/disk /tmp/mnt || exit 1
	try short
	try +special
	try $long
	if grep ' /tmp/mnt ' /proc/mounts | grep -q ',patched'; then echo options; fi
	umount /tmp/mnt || exit 1
}

# When vfat alone comes again, fat is still the same.
[ "$1" = after ] && { echo $(look); rmmod vfat && insmod /modules/vfat.ko || exit 1; }
got=$(echo $(look))
echo "$got"
case $1 in
after) [ "$got" = "removed kept kept options" ] ;;
before | reverted) [ "$got" = "removed removed removed" ] ;;
esac
