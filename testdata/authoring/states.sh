# A state of version 2 is there, and what is older or does not know it stays out.
cat /proc/version /proc/uptime
case $1 in
after)
	grep -q '^number 20$' /proc/version && dmesg | grep -q 'state 2 after 0' || exit 1
	for refused in states-older states-none; do
		insmod /modules/$refused.ko && exit 1
		dmesg | tail -n 3 | grep 'not compatible' || exit 1
	done
	! grep -q and /proc/uptime || exit 1
	# One that does not replace the others need not know their states.
	insmod /modules/states-none-stacked.ko || exit 1
	grep and /proc/uptime || exit 1
	stacked=/sys/kernel/livepatch/states_none_stacked
	for _ in 1 2 3 4 5 6 7 8 9; do [ "$(cat $stacked/transition)" = 0 ] || sleep 1; done
	echo 0 >$stacked/enabled
	for _ in 1 2 3 4 5 6 7 8 9; do [ ! -e $stacked ] || sleep 1; done
	rmmod states_none_stacked ;;
*)
	! grep number /proc/version ;;
esac
