# The message that has come before the patch stays quiet, the new one comes once.
dmesg -c > /dev/null
mkdir -p /tmp/memory
mount -t cgroup -o memory none /tmp/memory || exit 1
for i in 1 2; do
	echo 1 > /tmp/memory/memory.move_charge_at_immigrate
	echo 64 > /tmp/memory/memory.move_charge_at_immigrate
done
umount /tmp/memory
dmesg
old=$(dmesg | grep -c 'is deprecated')
new=$(dmesg | grep -c 'has no mode 64')
case $1 in
before) [ "$old" = 1 ] && [ "$new" = 0 ] ;;
after) [ "$old" = 0 ] && [ "$new" = 1 ] ;;
reverted) [ "$old" = 0 ] && [ "$new" = 0 ] ;;
esac
