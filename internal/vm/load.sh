# Keeps the guest's kernel busy until the file in $1 is there: processes, files,
# pipes, and what /proc and /sys show.
n=0
while [ ! -e "$1" ]; do
	n=$((n + 1))
	cat /proc/meminfo /proc/stat /proc/self/status /proc/self/maps /proc/cmdline /proc/version > /dev/null
	cat /proc/[0-9]*/stat > /dev/null 2>&1
	ls -l /dev /sys/kernel /sys/module > /dev/null 2>&1
	mkdir -p /tmp/load && dd if=/dev/zero of=/tmp/load/$((n % 8)) bs=4096 count=16 2> /dev/null
	mv /tmp/load/$((n % 8)) /tmp/load/moved && rm -f /tmp/load/moved
	(echo a | cat | cat > /dev/null) &
	wait
done
rm -rf /tmp/load
