# The messages of drop_caches are turned off before the patch, and stay off.
drop() { echo "$1" > /proc/sys/vm/drop_caches; }
said() { dmesg | grep drop_caches; }
dmesg -c > /dev/null
case $1 in
before)
	drop 4; said | grep -q 'drop_caches: 4$' && dmesg -c > /dev/null && drop 1; ! said ;;
after)
	drop 1; said; said | grep -q 'drop_caches is written' && ! said | grep 'drop_caches: ' ;;
reverted)
	drop 1; ! said ;;
esac
