# A line of /proc/PID/smaps; the one of protection keys stays away without them.
grep -E 'Eligible|eligible|ProtectionKey' /proc/self/smaps | sort | uniq -c
grep -qw pku /proc/cpuinfo || ! grep -q ProtectionKey /proc/self/smaps || exit 1
case $1 in
after) grep -q '^HugeEligible: ' /proc/self/smaps && ! grep -q '^THPeligible: ' /proc/self/smaps ;;
*)     grep -q '^THPeligible: ' /proc/self/smaps && ! grep -q '^HugeEligible: ' /proc/self/smaps ;;
esac
