# Two shared locks of one file at the same time, or not.
touch /tmp/file
flock -s /tmp/file sleep 3 &
sleep 1
flock -s -n /tmp/file true
status=$?
wait
echo "second shared lock: $status"
case $1 in
after) [ $status != 0 ] ;;
*)     [ $status = 0 ] ;;
esac
