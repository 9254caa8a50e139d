mkdir tree/empty
ln tree/in tree/hard
ln -s in tree/soft
ln -s /nowhere tree/dangling
mkfifo tree/fifo
chmod 4711 tree/sub/deep
touch -d '2003-04-05 06:07:08' a.txt tree/in
