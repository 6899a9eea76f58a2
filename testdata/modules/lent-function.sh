# Whether a file whose name begins with + can be removed.
look() {
	mkdir -p /tmp/mnt
	dd if=/dev/zero of=/tmp/disk bs=1024 count=1024 2> /dev/null
	mkdosfs /tmp/disk > /dev/null 2>&1 || exit 1
	mount -t vfat -o loop /tmp/disk /tmp/mnt || exit 1
	for name in plain +special; do
		printf text > /tmp/mnt/$name || exit 1
		if rm /tmp/mnt/$name 2> /dev/null; then echo removed; else echo kept; fi
	done
	umount /tmp/mnt || exit 1
}

# fat, of which nothing is replaced, goes and comes too.
[ "$1" = after ] && { rmmod vfat fat && insmod /modules/fat.ko && insmod /modules/vfat.ko || exit 1; }
got=$(echo $(look))
echo "$got"
case $1 in
after) [ "$got" = "removed kept" ] ;;
before | reverted) [ "$got" = "removed removed" ] ;;
esac
