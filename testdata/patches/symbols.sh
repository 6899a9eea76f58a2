# What the newly called functions return.
cat /proc/version
case $1 in
after)
	grep -qx 'buffer: -9' /proc/version && grep -qx 'second: 1000' /proc/version &&
	grep -qx 'processes: some' /proc/version && grep -qx 'switches: some' /proc/version ;;
*)	[ "$(wc -l < /proc/version)" = 1 ] ;;
esac
