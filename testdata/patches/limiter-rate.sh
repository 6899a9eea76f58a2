# What was suppressed before the patch is reported after it.
ask() { dd if=/dev/zero of=/dev/null bs=64G count=1 2> /dev/null; }
dmesg -c > /dev/null
case $1 in
before)
	for i in $(seq 40); do ask & done
	wait ;;
*)
	sleep 6 # a limit is 10 messages in 5 seconds
	ask ;;
esac
dmesg
old=$(dmesg | grep -c 'no enough memory')
new=$(dmesg | grep -c 'pages are too many for dd')
suppressed=$(dmesg | grep -c '__vm_enough_memory: [0-9]* callbacks suppressed')
case $1 in
before) [ "$old" -ge 10 ] && [ "$old" -lt 40 ] && [ "$new" = 0 ] ;;
after) [ "$old" = 1 ] && [ "$new" = 1 ] && [ "$suppressed" = 1 ] ;;
reverted) [ "$old" = 1 ] && [ "$new" = 0 ] && [ "$suppressed" = 0 ] ;;
esac
