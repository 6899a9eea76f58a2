# The inode is made when /proc is mounted.
mkdir -p /tmp/proc
mount -t proc proc /tmp/proc
number=$(ls -id /tmp/proc/self)
umount /tmp/proc
number=$(echo $number | cut -d ' ' -f 1)
echo "$number $(cat /tmp/number 2> /dev/null)"
case $1 in
before) echo "$number" > /tmp/number ;;
after) [ "$number" = $(($(cat /tmp/number) + 7000)) ] ;;
reverted) [ "$number" = "$(cat /tmp/number)" ] ;;
esac
