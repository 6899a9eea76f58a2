# There is no such device here: whether both modules are patched is all that
# can be seen.
count() { cat /sys/kernel/livepatch/*/liquidio*/patched 2> /dev/null | grep -c 1; }

case $1 in
before) insmod /modules/liquidio.ko && [ "$(count)" = 0 ] ;;
after)
	[ "$(count)" = 1 ] || exit 1
	insmod /modules/liquidio_vf.ko || exit 1
	[ "$(count)" = 2 ] || exit 1
	rmmod liquidio || exit 1
	[ "$(count)" = 1 ] || exit 1
	insmod /modules/liquidio.ko || exit 1
	[ "$(count)" = 2 ]
	;;
reverted) rmmod liquidio liquidio_vf ;;
esac
