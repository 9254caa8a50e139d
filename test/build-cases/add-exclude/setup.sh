mkdir -p src/a/b/c src/d
echo 1 > src/x.txt; echo 2 > src/y.md; echo 3 > src/a/x.txt; echo 4 > src/a/b/x.txt; echo 5 > src/a/b/c/z; echo 6 > src/d/only.txt
ln -s x.txt src/link; ln src/x.txt src/hard; chmod 0700 src/a; chmod 0750 src/a/b
