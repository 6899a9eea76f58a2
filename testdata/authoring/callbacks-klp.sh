# The callbacks ran, and those of a livepatch that refuses itself left nothing.
cat /proc/version
case $1 in
after)
	grep -q '^patched 43$' /proc/version || exit 1
	insmod /modules/callback-refuses.ko && exit 1
	dmesg | grep 'this is not for here' || exit 1
	dmesg | grep 'pre-patch callback failed' || exit 1
	! grep callback_refuses /proc/modules && ! grep 'never seen' /proc/version ;;
reverted)
	dmesg | grep 'left with 4[5-9]' && ! dmesg | grep 'never called' && ! grep patched /proc/version ;;
esac
