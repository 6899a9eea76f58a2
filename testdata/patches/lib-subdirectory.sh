# What is written to /dev/urandom is hashed with BLAKE2s.
dmesg -c > /dev/null
head -c 13 /dev/zero > /dev/urandom
said() { dmesg | grep 'an update of 13 bytes'; }
case $1 in
after) said ;;
*) ! said ;;
esac
