dmesg -c > /dev/null
sleep 0.01
said() { dmesg | grep 'sleep has slept'; }
case $1 in
after) said ;;
*) ! said ;;
esac
