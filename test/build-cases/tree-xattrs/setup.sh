setfattr -n user.note -v text f
setfattr -n user.binary -v 0x00ff0a f
