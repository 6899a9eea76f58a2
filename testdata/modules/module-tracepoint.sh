# Whether a file whose name begins with + can be removed, and how often the two
# tracepoints of the function fire, when they are off and when they are on.
trace=/sys/kernel/tracing

try() {
	echo > $trace/trace
	for name in plain +special; do
		printf text > /tmp/mnt/$name || exit 1
		if rm /tmp/mnt/$name 2> /dev/null; then echo removed; else echo kept; fi
	done
	grep -c 'ext4_unlink_enter: ' $trace/trace
	grep -c 'ext4_unlink_exit: ' $trace/trace
	rm -f /tmp/mnt/+special
}

look() {
	mkdir -p /tmp/mnt
	dd if=/dev/zero of=/tmp/disk bs=1024 count=1024 2> /dev/null
	mke2fs -F /tmp/disk > /dev/null 2>&1 || exit 1
	mount -t ext4 -o loop /tmp/disk /tmp/mnt || exit 1
	try
	for event in ext4_unlink_enter ext4_unlink_exit; do echo 1 > $trace/events/ext4/$event/enable || exit 1; done
	try
	for event in ext4_unlink_enter ext4_unlink_exit; do echo 0 > $trace/events/ext4/$event/enable || exit 1; done
	try
	umount /tmp/mnt || exit 1
}

got=$(echo $(look))
echo "$got"
case $1 in
after) [ "$got" = "removed kept 0 0 removed kept 2 2 removed kept 0 0" ] ;;
before | reverted) [ "$got" = "removed removed 0 0 removed removed 2 2 removed removed 0 0" ] ;;
esac
