device=$(cat /sys/devices/system/memory/memory0/phys_device)
echo "$device"
case $1 in
after) [ "$device" = 7 ] ;;
*) [ "$device" = 0 ] ;;
esac
