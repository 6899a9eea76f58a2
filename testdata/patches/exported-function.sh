longest=$(stat -f -c %l /proc)
echo "$longest"
case $1 in
after) [ "$longest" = 77 ] ;;
*) [ "$longest" = 255 ] ;;
esac
