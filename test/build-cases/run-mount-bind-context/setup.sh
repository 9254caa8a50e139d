chmod 2751 sub
touch -d '2001-02-03 00:00:00Z' sub
