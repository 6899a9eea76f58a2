# New lines in /proc/loadavg, written by new functions; the old line stays.
cat /proc/loadavg
tail -n 1 /proc/loadavg | grep -Eq '^[0-9.]+ [0-9.]+ [0-9.]+ [0-9]+/[0-9]+ [0-9]+$' || exit 1
case $1 in
after)
	grep -Eq '^five minutes [0-9]+[.][0-9]+ [(](busy|half busy|idle)[)]$' /proc/loadavg &&
	grep -Eq '^running [0-9]+ of [0-9]+, last [0-9]+$' /proc/loadavg ;;
*)	[ "$(wc -l < /proc/loadavg)" = 1 ] ;;
esac
