size=$(cat /sys/block/zram0/disksize)
echo "$size"
case $1 in
after) [ "$size" = "0 bytes" ] ;;
*) [ "$size" = 0 ] ;;
esac
