# What a configfs says of a name of many letters, each time another one: what
# was looked up is remembered.
if [ "$1" = before ]; then
	mkdir /tmp/configfs
	mount -t configfs none /tmp/configfs || exit
fi
said=$(ls "/tmp/configfs/letters-$1" 2>&1)
echo "$said"
case $1 in
after) [ "${said##*: }" = "File name too long" ] ;;
*)     [ "${said##*: }" = "No such file or directory" ] ;;
esac
