# Loads of a machine that has just booted, which are at least 0.50 when they
# are rounded that way.
read one five fifteen rest < /proc/loadavg
echo $one $five $fifteen
case $1 in
after) [ ${fifteen#*.} -ge 50 ] || [ ${fifteen%.*} -ge 1 ] ;;
*)     [ ${fifteen#*.} -lt 50 ] && [ ${fifteen%.*} = 0 ] ;;
esac
