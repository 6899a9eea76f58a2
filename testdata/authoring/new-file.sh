# A second line in /proc/version counts its readers, or is not there.
cat /proc/version
case $1 in
after)
	cat /proc/version
	tail -n 1 /proc/version | grep -q "^proc: call 3, [0-9]* tasks, booted with $(cat /proc/cmdline)" ;;
*)
	[ "$(wc -l </proc/version)" = 1 ] ;;
esac
