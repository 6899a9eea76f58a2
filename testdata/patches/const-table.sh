# The state of a sleeping task in two files, one through each function.
grep State /proc/1/status
cut -c 1-40 /proc/1/stat
case $1 in
after) grep -q 'Z (dozing)' /proc/1/status && grep -q '^1 (init) Z' /proc/1/stat ;;
*)     grep -q 'S (sleeping)' /proc/1/status && grep -q '^1 (init) S' /proc/1/stat ;;
esac
