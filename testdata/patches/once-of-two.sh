# A connection from before the patch goes on.
case $1 in
before)
	ip link set lo up
	: > /tmp/sent
	tail -f /dev/null | nc -l -p 7007 > /tmp/got &
	sleep 1
	(tail -f /tmp/sent | nc ::1 7007) > /dev/null 2>&1 & ;;
esac
sleep 1
echo "$1" >> /tmp/sent
for i in 1 2 3 4 5; do
	grep -q "$1" /tmp/got && break
	sleep 1
done
cat /proc/net/tcp6 /tmp/got
grep -q "$1" /tmp/got
