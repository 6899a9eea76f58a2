# Messages of drop_caches: numbered by new code, and turned off for good by
# whichever code is told to.
drop() { echo "$1" > /proc/sys/vm/drop_caches; }
said() { dmesg | grep drop_caches: ; }
dmesg -c > /dev/null
case $1 in
before)
	drop 1; said; said | grep -q 'drop_caches: 1$' ;;
after)
	drop 1; drop 4; drop 1; said
	[ "$(said | wc -l)" = 2 ] && said | grep -q 'drop_caches: 1, time 7$' && said | grep -q 'drop_caches: 4, time 8$' ;;
reverted)
	drop 1; said; ! said ;;
esac
