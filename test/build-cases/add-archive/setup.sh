mkdir stuff && echo one > stuff/one && ln -s one stuff/link && chmod 0600 stuff/one
tar --owner=7 --group=8 --mtime='2004-01-01 UTC' --sort=name -cf plain.tar stuff
tar --owner=7 --group=8 --mtime='2004-01-01 UTC' --sort=name -c stuff | gzip -n > packed.tar.gz
rm -r stuff
