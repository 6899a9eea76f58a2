# Patched, /proc/version is read whole once and short from then on.
first=$(cat /proc/version)
second=$(cat /proc/version)
echo "$first, $second"
case "$first" in Linux\ version*) ;; *) exit 1 ;; esac
case $1 in
after) [ "$second" = short ] ;;
*)     [ "$second" = "$first" ] ;;
esac
