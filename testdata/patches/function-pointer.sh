# A file that was opened with the patch in is read when the module is gone.
head -n 1 /proc/stat
case $1 in
after)
	(while [ ! -e /tmp/go ]; do sleep 1; done; cat > /tmp/late; touch /tmp/done) < /proc/stat &
	sleep 1
	head -n 1 /proc/stat | grep -qx 'kernel statistics' ;;
reverted)
	touch /tmp/go
	while [ ! -e /tmp/done ]; do sleep 1; done
	head -n 1 /tmp/late
	head -n 1 /tmp/late | grep -q '^cpu ' && head -n 1 /proc/stat | grep -q '^cpu ' ;;
*)	head -n 1 /proc/stat | grep -q '^cpu ' ;;
esac
