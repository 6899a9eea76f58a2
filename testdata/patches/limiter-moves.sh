# The new warning comes once, though the one of oom_adj has been used up.
dmesg -c > /dev/null
case $1 in
before)
	echo 0 > /proc/self/oom_adj
	dmesg | grep 'oom_adj is deprecated' ;;
after)
	echo 0 > /proc/self/oom_adj
	echo 0 > /proc/self/oom_score_adj
	echo 0 > /proc/self/oom_score_adj
	dmesg
	[ "$(dmesg | grep -c 'writes to oom_score_adj')" = 1 ] && ! dmesg | grep 'oom_adj is deprecated' ;;
reverted)
	echo 0 > /proc/self/oom_adj
	! dmesg | grep 'oom_adj is deprecated' ;;
esac
