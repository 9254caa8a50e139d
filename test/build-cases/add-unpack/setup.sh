mkdir stuff && echo one > stuff/one && ln -s one stuff/link && echo text > text
tar --owner=7 --group=8 --mtime='2004-01-01 UTC' --sort=name -cf stuff.tar stuff
tar --owner=7 --group=8 --mtime='2004-01-01 UTC' --sort=name -c stuff | gzip -n > stuff.tar.gz
rm -r stuff
