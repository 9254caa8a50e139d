mkdir in
echo one > in/a
ln in/a in/hard
tar --owner=0 --group=0 --mtime=@1000 --sort=name -cf one.tar in
echo two > in/a
tar --owner=0 --group=0 --mtime=@1000 --sort=name -cf two.tar in
rm -r in
