# What mkdir says in a configfs to which nothing is registered.
if [ "$1" = before ]; then
	insmod /lib/configfs.ko || exit
	mkdir /tmp/configfs
	mount -t configfs none /tmp/configfs || exit
fi
said=$(mkdir /tmp/configfs/x 2>&1)
echo "$said"
case $1 in
after) [ "${said##*: }" = "Invalid cross-device link" ] || [ "${said##*: }" = "Cross-device link" ] ;;
*)     [ "${said##*: }" = "Operation not permitted" ] ;;
esac
