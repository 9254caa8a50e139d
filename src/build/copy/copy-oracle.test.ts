import { after, before, test } from 'node:test';
import { needsDocker } from '../../std/docker-peer.fixture.ts';
import { CopySandbox } from './copy-sandbox.fixture.ts';
import { compareWithDocker } from './docker-copy.fixture.ts';

/**
 * The same Dockerfile and context to Docker and to varve: the trees must be equal in path, type, mode, owner, link,
 * content and attributes; what Docker refuses must be refused with its words.
 */

const context = `
mkdir -p src/sub/deep base/etc base/dst/sub base/real two/sub owned conf over1 over2/tolink over3/file over4 over5 ar wd/some
echo a > src/a; echo b > src/sub/b; echo c > src/sub/deep/c; ln -s ../a src/sub/up; ln -s a src/l; ln src/a src/hard
chmod 0700 src/sub; chmod 0640 src/a; chmod 1777 src/sub/deep; mkfifo src/fifo; touch 'src/b c' 'src/[x]' src/-dash
echo h > .hidden; head -c 100000 /dev/urandom > src/data; setfattr -n user.note -v x src/data
echo 'root:x:0:0::/:' > base/etc/passwd; echo 'app:x:1234:2345::/:' >> base/etc/passwd
echo 'root:x:0:' > base/etc/group; echo 'grp:x:3456:app' >> base/etc/group
echo old > base/dst/file; echo old > base/dst/sub/x; ln -s ../real base/dst/tolink; ln -s nowhere base/dst/dangling
ln -s /real base/abs; echo f > base/plainfile; ln -s plainfile base/linkfile
echo 2 > two/a; echo 22 > two/sub/b; chmod 0711 two two/sub
ln -s src/a toplink; ln -s src todir; ln -s /src/a absin; ln -s /etc/hostname out; ln -s ../../../etc/hostname relout; ln -s nothere dang
echo own > owned/f; chown -R 77:88 owned
echo x > conf/sub; echo s > over1/sub; echo z > over2/tolink/z; echo q > over3/file/q; echo t > over4/tolink; ln -s x over5/sub
echo 1 > wd/one; ln -s nowhere wd/dang
(cd two && tar cf ../ar/two.tar . && tar czf ../ar/two.tar.gz . && tar cjf ../ar/two.bz . && tar --zstd -cf ../ar/two.zst .)
(cd owned && tar cf ../ar/owned.tar ./f); (cd src && tar cf ../ar/src .); (cd base && tar cf ../ar/base.tar etc dst abs)
echo plain | gzip > ar/plain.gz; echo no > ar/fake.tar; head -c 700 ar/two.tar > ar/cut.tar; head -c 2048 /dev/zero > ar/empty.tar
mkdir t1; echo new > t1/a; (cd t1 && tar rf ../ar/twice.tar a && echo newer > a && tar rf ../ar/twice.tar a); rm -r t1
`;

const base = 'COPY base/ /\n';
const table: readonly (readonly [name: string, instructions: string, ignore?: string])[] = [
  ['a directory: contents only', 'COPY src/ /dst/'],
  ['a directory without slashes', 'COPY src /dst'],
  ['parents are made', 'COPY src /x/y/dst'],
  ['a destination that is there keeps its mode', `${base}COPY two /dst`],
  ['a new destination has the common mode', 'COPY two /x'],
  ['the root', 'COPY two /'],
  ['a dot', 'COPY src/. /x'],
  ['an empty directory', 'COPY base/real /x/y'],
  ['a file', 'COPY src/a /x'],
  ['a file to a directory', 'COPY src/a /x/'],
  ['a file to a directory that is there', `${base}COPY src/a /dst`],
  ['a file with a trailing slash', 'COPY src/a/ /x'],
  ['names with blanks and brackets', 'COPY ["src/b c", "src/[[]x]", "src/-dash", "/x/"]'],
  ['an absolute source', 'COPY /src/a /x/'],
  ['a source outside is inside', 'COPY ../src/a ../../src/sub/../l /x/'],
  ['a file over a file', `${base}COPY src/a /dst/file`],
  ['a file over a link to a file', `${base}COPY src/a /linkfile`],
  ['a file through a dangling link', `${base}COPY src/a /dst/dangling`],
  ['a file through an absolute link', `${base}COPY src/a /abs`],
  ['a file through an absolute link with a slash', `${base}COPY src/a /abs/`],
  ['a directory through an absolute link', `${base}COPY two /abs`],
  ['a file below a link', `${base}COPY src/a /dst/tolink/new/f`],
  ['a file below a dangling link', `${base}COPY src/a /dst/dangling/new/f`],
  ['a destination with dots', `${base}COPY src/a /dst/../../../y/f`],
  ['a file replaces a link in a directory', `${base}COPY over4/tolink /dst/`],
  ['a nested file replaces a link', `${base}COPY over4 /dst`],
  ['directory over file', `${base}COPY two /plainfile`],
  ['nested directory over file', `${base}COPY over3 /dst`],
  ['nested directory over symlink', `${base}COPY over2 /dst`],
  ['nested file over directory', `${base}COPY over1 /dst`],
  ['nested symlink over directory', `${base}COPY over5 /dst`],
  ['a file over a directory', `${base}COPY over1/sub /dst/`],
  ['a file with a slash over a file', `${base}COPY src/a /plainfile/`],
  ['a file below a file', `${base}COPY src/a /plainfile/x`],
  ['a symlink as a source is followed', 'COPY toplink /x/'],
  ['a symlink to a directory', 'COPY todir /x/'],
  ['through a symlink', 'COPY todir/a /x/'],
  ['an absolute symlink stays inside', 'COPY absin /x/'],
  ['a symlink that leads out', 'COPY out /x/'],
  ['a relative symlink that leads out', 'COPY relout /x/'],
  ['a dangling symlink', 'COPY dang /x/'],
  ['a dangling symlink in a pattern', 'COPY wd/* /x/'],
  ['a missing source', 'COPY nothere /x/'],
  ['a missing source beside another', 'COPY nothere src/a /x/'],
  ['a pattern without a match beside another source', 'COPY nothere* src/a /x/'],
  ['several directories', 'COPY src two /x/'],
  ['several directories the other way round', 'COPY two src /x/'],
  ['a directory, then a file', 'COPY two src/a /x'],
  ['a file, then a directory', 'COPY src/a two /x'],
  ['several that do not fit: a file over a directory', 'COPY two conf /x/'],
  ['several that do not fit: a directory over a file', 'COPY conf two /x/'],
  ['the same twice', 'COPY src src src/sub /x/'],
  ['files that are one file are two from two sources', 'COPY src/a src/hard /x/'],
  ['patterns', 'COPY src/* /x/'],
  ['patterns in the middle', 'COPY s*/a t?o/a /x/'],
  ['patterns with classes', 'COPY src/[a-b] src/[^a-zA-Z\\\\-]* /x/'],
  ['patterns on two levels', 'COPY src/*/* /x/'],
  ['patterns behind a symlink', 'COPY todir/* /x/'],
  ['patterns do not enter symlinks', 'COPY t*/a /x/'],
  ['patterns match hidden names', 'COPY [.t]* /x/'],
  ['two stars are one', 'COPY src/**/b /x/'],
  ['chown by name', `${base}COPY --chown=app src /x/y/dst`],
  ['chown by names', `${base}COPY --chown=app:grp src /x/y/dst`],
  ['chown by number', `${base}COPY --chown=1234 two /x`],
  ['chown by numbers', `${base}COPY --chown=9:10 two /dst`],
  ['chown to root without a user database', 'COPY --chown=root two /x'],
  ['chown of a file', 'COPY --chown=5 owned/f /x/'],
  ['chmod', 'COPY --chmod=0751 src /x/y/dst'],
  ['chmod of a file', 'COPY --chmod=600 src/a /x/y/a'],
  ['chmod with setuid', 'COPY --chmod=4755 src/a /x'],
  ['chmod with letters', 'COPY --chmod=u=rwX,go=rX src /x/y/dst'],
  ['chmod with plus and minus', 'COPY --chmod=+x,go-w,u+s src /x'],
  ['chmod and chown onto what is there', `${base}COPY --chmod=0700 --chown=1:2 two /dst`],
  ['chmod out of range', 'COPY --chmod=9999 two /x'],
  ['owners of a context are nothing', 'COPY owned /o'],
  ['owners of a stage are kept', 'COPY --chown=77:88 owned /o/p\nFROM scratch\nCOPY --from=0 /o /n/m'],
  ['owners of a stage with chown', 'COPY --chown=77:88 owned /o/p\nFROM scratch\nCOPY --from=0 --chown=3 /o/p/f /n/m'],
  ['from a stage', 'COPY src /s\nFROM scratch\nCOPY --from=0 /s /x/'],
  ['files from a stage', 'COPY src /s\nFROM scratch\nCOPY --from=0 /s/a /s/hard /s/l s/sub/up /x/'],
  ['patterns from a stage', 'COPY src /s\nFROM scratch\nCOPY --from=0 /s/sub/* /x/'],
  ['links of a stage', `${base}FROM scratch\nCOPY --from=0 /abs /dst/tolink /linkfile /x/`],
  ['missing in a stage', `${base}FROM scratch\nCOPY --from=0 /nothere /x/`],
  ['here-documents', 'COPY <<EOF /x/\nhello\nEOF'],
  ['several here-documents and a file', 'COPY --chown=3:4 <<a <<b src/hard /x/\nhello\na\n2\nb'],
  ['a here-document as a file', 'COPY --chmod=755 <<EOF /x/run\nhello\nEOF'],
  ['ADD of a file', 'ADD src/a /x'],
  ['ADD of a tar', 'ADD ar/two.tar /x'],
  ['ADD of a tar with links and a fifo', 'ADD ar/src /x/'],
  ['ADD of a gzipped tar', 'ADD ar/two.tar.gz /x/y'],
  ['ADD of a bzipped tar', 'ADD ar/two.bz /x/y'],
  ['ADD of a zstd tar', 'ADD ar/two.zst /x/y'],
  ['ADD keeps owners', 'ADD ar/owned.tar /x'],
  ['ADD with chown', 'ADD --chown=7:8 ar/owned.tar /x/y/'],
  ['ADD with chmod', 'ADD --chmod=0700 ar/owned.tar /x/y/'],
  ['ADD with chmod of a file', 'ADD --chmod=0700 src/a /x/y/'],
  ['ADD to the root', 'ADD ar/base.tar /'],
  ['ADD onto what is there', `${base}ADD ar/base.tar ar/two.tar /dst`],
  ['ADD of what only looks like a tar', 'ADD ar/fake.tar ar/plain.gz ar/empty.tar /x/'],
  ['ADD of a tar with one name twice', 'ADD ar/twice.tar /x/'],
  ['ADD of a tar that is cut off', 'ADD ar/cut.tar /x/'],
  ['ADD of a directory of tars', 'ADD ar /x/'],
  ['ADD of several', 'ADD ar/two.tar src/sub ar/owned.tar /x/'],
  ['ADD of a tar and a later file of the same name', 'ADD ar/two.tar src/a /x/'],
  ['ADD of a file and a later tar of the same name', 'ADD src/a ar/two.tar /x/'],
  ['ADD of a tar onto a file', `${base}ADD ar/two.tar /plainfile`],
  ['ignored and taken back', 'COPY . /x', '**\n!src/sub/deep\n!two/a\n'],
  ['an ignored file', 'COPY src/a /x', 'src/a\n'],
  ['an ignored directory', 'COPY src/sub /x', 'src/sub\n'],
  ['below an ignored directory', 'COPY src/sub /x', '**\n!src/sub/deep\n'],
  ['in an ignored directory', 'COPY src /x', 'src/sub\n*/hard\n**/up\n'],
  ['a pattern among ignored', 'COPY s* /x/', '**\n!src/sub/deep\n'],
  ['a link to an ignored file', 'COPY toplink /x/', 'src/a\n'],
  ['a pattern that ends in a slash', 'COPY . /x', '/src/\n*.tar\nar/?*\nwd\n'],
  ['the last rule counts', 'COPY src /x', 'src/*\n!src/a\n!src/sub\nsrc/sub/deep\n!**/c\n'],
];

let sandbox: CopySandbox;
before(() => {
  sandbox = new CopySandbox();
  sandbox.shell(context);
});
after(() => sandbox[Symbol.dispose]());

for (const [name, instructions, ignore = ''] of table) {
  test(`as Docker does it: ${name}`, { skip: needsDocker }, async () => {
    await compareWithDocker(sandbox, { text: `FROM scratch\n${instructions}\n`, ignore });
  });
}
