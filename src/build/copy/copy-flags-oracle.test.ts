import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gitServer, TestRepository } from '../../source/git-server.fixture.ts';
import { sourceStore } from '../../source/store.fixture.ts';
import { CopySandbox } from './copy-sandbox.fixture.ts';
import { compareWithDocker } from './docker-copy.fixture.ts';
import { webServer } from '../source/web-server.fixture.ts';
import { needsDocker } from '../../std/docker-peer.fixture.ts';

/** The flags of COPY and ADD, and remote sources, beside a real Docker: see `compareWithDocker`. */

const context = `
mkdir -p src/a/b/c src/d src/e/f src/empty base/etc base/o/a two ar modes
echo 1 > src/x.txt; echo 2 > src/y.md; echo 3 > src/a/x.txt; echo 4 > src/a/b/x.txt; echo 5 > src/a/b/c/z
echo 6 > src/d/only.txt; echo 7 > src/e/f/k; ln -s x.txt src/lnk; mkfifo src/a/ff; ln src/x.txt src/hard.md
ln -s src todir; ln -s ../d src/a/tod; chmod 700 src/a; chmod 750 src/a/b; touch 'src/b c.txt' 'src/[q].txt'
setfattr -n user.note -v x src/y.md; echo t > two/x.txt; echo m > two/new.md; mkdir two/d; echo n > two/d/only.txt
echo 'root:x:0:0::/:' > base/etc/passwd; echo 'app:x:1234:2345::/:' >> base/etc/passwd
echo 'root:x:0:' > base/etc/group; echo 'grp:x:3456:app' >> base/etc/group; echo old > base/o/x.txt; echo old > base/o/a/old
(cd two && tar cf ../ar/two.tar . && tar czf ../ar/two.tgz .); echo plain > ar/plain; chmod 640 ar/two.tar
for m in 644 755 4755 2711 070; do echo $m > modes/f$m; chmod $m modes/f$m; mkdir modes/d$m; chmod $m modes/d$m; done
`;

const base = 'COPY base/ /\n';
const from = 'COPY src /s\nFROM scratch\nCOPY --from=0';

/** `WEB` and `GIT` stand for servers of this test, `SUM` and `COMMIT` for what is right there. */
const table: readonly (readonly [name: string, instructions: string, other?: string | RegExp])[] = [
  ['exclude: names at the top only', 'COPY --exclude=*.txt src /o'],
  ['exclude: at any depth', 'COPY --exclude=**/*.txt src /o'],
  ['exclude: several', 'COPY --exclude=*.md --exclude=**/x.txt --exclude=e src /o'],
  ['exclude: a directory', 'COPY --exclude=a src /o'],
  ['exclude: a directory with a slash and a dot', 'COPY --exclude=./a/ src /o'],
  ['exclude: relative to each source', 'COPY --exclude=a/b src/a src /o/'],
  ['exclude: inside what is named', 'COPY --exclude=b src/a /o'],
  ['exclude: not the way there', 'COPY --exclude=src/a src /o'],
  ['exclude: with the way where the root is copied', 'COPY --exclude=src/a . /o'],
  ['exclude: a leading slash matches nothing', 'COPY --exclude=/a src /o'],
  ['exclude: everything', 'COPY --exclude=* src /o'],
  ['exclude: everything at any depth', 'COPY --exclude=** src /o'],
  ['exclude: contents of a directory', 'COPY --exclude=d/* src /o'],
  ['exclude: taken back', 'COPY --exclude=a --exclude=!a/b/x.txt src /o'],
  ['exclude: all taken back by name', 'COPY --exclude=** --exclude=!**/only.txt src /o'],
  ['exclude: the last one counts', 'COPY --exclude=!x.txt --exclude=*.txt src /o'],
  ['exclude: a file that is named stays', 'COPY --exclude=*.txt src/x.txt src/y.md /o/'],
  ['exclude: what a pattern finds stays', 'COPY --exclude=*.txt src/* /o/'],
  ['exclude: a class', 'COPY --exclude=[xy].* src /o'],
  ['exclude: an escaped class', 'COPY --exclude=\\\\[q].txt src /o'],
  ['exclude: nothing', 'COPY --exclude= src /o'],
  ['exclude: variables are not expanded', 'ARG E=*.txt\nCOPY --exclude=$E src /o'],
  ['exclude: a pattern without sense', 'COPY --exclude=[ src /o'],
  ['exclude: a lone mark', 'COPY --exclude=! src /o'],
  ['exclude: here-documents stay', 'COPY --exclude=x.txt <<x.txt <<y.txt /o/\na\nx.txt\nb\ny.txt'],
  ['exclude: a hard link whose first name is out', 'COPY --exclude=hard.md src /o'],
  ['exclude: a symlink', 'COPY --exclude=lnk --exclude=a/tod src /o'],
  ['exclude: through a symlinked source', 'COPY --exclude=a todir /o'],
  ['exclude: onto what is there', `${base}COPY --exclude=x.txt --exclude=a src /o`],
  ['exclude: the same name from two sources', 'COPY --exclude=x.txt src two /o/'],
  ['exclude: a directory of the other source', 'COPY --exclude=d two src /o/'],
  ['exclude: one source in another', 'COPY --exclude=d src src/d /o/'],
  ['exclude: from a stage', `${from} --exclude=**/x.txt --exclude=d /s /o`],
  ['exclude: with modes and owners', 'COPY --exclude=a --chmod=700 --chown=3:4 src /o'],
  ['exclude: with an ignore file', 'COPY --exclude=*.md src /o', 'src/a\n**/only.txt\n'],
  ['exclude: what the ignore file took back', 'COPY --exclude=**/x.txt src /o', '**\n!src/a/b\n'],
  ['ADD --exclude: of a directory', 'ADD --exclude=a src /o'],
  ['ADD --exclude: members of archives stay', 'ADD --exclude=x.txt ar/two.tar /o'],
  ['link: a directory', 'COPY --link src /o'],
  ['link: a file with parents', 'COPY --link src/x.txt /p/q/x'],
  ['link: with owners and modes', 'COPY --link --chown=7:8 --chmod=u=rwX,go= src /o'],
  ['link: beside others', 'COPY two /t\nCOPY --link src/d /o\nCOPY --link --exclude=d src /o'],
  ['link: from a stage', `${from} --link /s/a /o`],
  ['link: a here-document', 'COPY --link --chmod=755 --chown=5 <<EOF /x/run\nhello\nEOF'],
  ['link: an archive', 'ADD --link ar/two.tgz /o/'],
  ['here-documents with letters for a mode', 'COPY --chmod=u+x,go-r --chown=9 <<a <<b /x/\n1\na\n2\nb'],
  ['chmod: letters for files and directories', 'COPY --chmod=u=rwX,go=rX modes /m'],
  ['chmod: special bits', 'COPY --chmod=ug+s,+t modes /m'],
  ['chmod: copied from another', 'COPY --chmod=g=u,o=g modes /m'],
  ['chmod: taken away', 'COPY --chmod=a-X,u-s modes /m'],
  ['chmod: from a variable', 'ARG M=u=rw,go=\nCOPY --chmod=${M} --chown=${N:-4} modes /m'],
  ['chmod: an empty variable', 'ARG M\nCOPY --chmod=$M modes /m'],
  ['chmod: letters without sense', 'COPY --chmod=u+q modes /m'],
  ['chmod: letters that end early', 'COPY --chmod=u=rwx, modes /m'],
  ['chmod: a number beside letters', 'COPY --chmod=7x modes /m'],
  ['chmod: letters from a stage', `${from} --chmod=go= /s /o`],
  ['ADD --unpack=false: as it is', 'ADD --unpack=false ar/two.tar ar/two.tgz /o/'],
  ['ADD --unpack: as without', 'ADD --unpack ar/two.tgz ar/plain /o/'],
  ['ADD --unpack=false: with a mode', 'ADD --unpack=false --chmod=600 ar/two.tar /o'],
  ['URL: a file', 'ADD WEB/hello.txt /x/'],
  ['URL: under another name', 'ADD WEB/hello.txt /x/name'],
  ['URL: a query is no part of the name', 'ADD WEB/hello.txt?a=b/c /x/'],
  ['URL: without a name', 'ADD WEB/ /x/'],
  ['URL: owners and modes', 'ADD --chown=5:6 --chmod=u+x WEB/hello.txt /x/'],
  ['URL: onto what is there', `${base}ADD WEB/hello.txt /o`],
  ['URL: an archive stays', 'ADD WEB/two.tgz /x/'],
  ['URL: an archive unpacked', 'ADD --unpack WEB/two.tgz /x/'],
  ['URL: no archive to unpack', 'ADD --unpack=true WEB/hello.txt /x/'],
  ['URL: with --link', 'ADD --link WEB/hello.txt /x/y/'],
  ['URL: with --exclude', 'ADD --exclude=hello.txt WEB/hello.txt /x/'],
  ['URL: with its checksum', 'ADD --checksum=sha256:SUM WEB/hello.txt /x/'],
  ['URL: with another checksum', `ADD --checksum=sha256:${'0'.repeat(64)} WEB/hello.txt /x/`, /sha256:0{64}/],
  ['URL: a checksum that is none', 'ADD --checksum=md5:abc WEB/hello.txt /x/', /md5:abc/],
  ['URL: that is not there', 'ADD WEB/missing /x/', /404/],
  ['URL: COPY takes none', 'COPY WEB/hello.txt /x/'],
  ['checksum: of a local file', `ADD --checksum=sha256:${'0'.repeat(64)} src/x.txt /x/`],
  ['checksum: of several', 'ADD --checksum=sha256:SUM WEB/hello.txt WEB/two.tgz /x/'],
  ['git: a repository', 'ADD GIT/app.git /x'],
  ['git: onto what is there', `${base}ADD GIT/app.git /o`],
  ['git: a directory of a branch', 'ADD GIT/app.git#side:sub /x'],
  ['git: a tag', 'ADD GIT/app.git#v1 /x'],
  ['git: without what is left out', 'ADD --exclude=**/*.md GIT/app.git /x'],
  ['git: owners and modes', 'ADD --chown=5 --chmod=700 GIT/app.git /x'],
  ['git: its checksum', 'ADD --checksum=COMMIT GIT/app.git#main /x'],
  ['git: another checksum', `ADD --checksum=${'0'.repeat(40)} GIT/app.git#main /x`, /0{40}/],
  ['git: a ref that is not there', 'ADD GIT/app.git#nowhere /x', /nowhere/],
  ['git: COPY takes none', 'COPY GIT/app.git /x'],
  ['git: two answers about .git', 'ADD --keep-git-dir=true GIT/app.git?keep-git-dir=0 /x', /keep-git-dir/],
  ['all kinds at once', 'ADD WEB/hello.txt ar/two.tgz GIT/app.git src/x.txt /x/'],
  ['all kinds at once, the last counts', 'ADD GIT/app.git src/x.txt WEB/x.txt two /x/'],
  ['all kinds with here-documents', 'ADD WEB/hello.txt <<hello.txt src/d /x/\nmine\nhello.txt'],
];

let sandbox: CopySandbox;
let words: ReadonlyMap<string, string>;
const resources = new AsyncDisposableStack();

before(async () => {
  if (needsDocker !== false) return;
  sandbox = resources.use(new CopySandbox());
  sandbox.shell(context);
  const store = resources.use(sourceStore());
  sandbox.remotes = store.sources;
  const archive = readFileSync(join(sandbox.context, 'ar/two.tgz'));
  const files: Readonly<Record<string, Buffer>> = {
    '/': Buffer.from('root'),
    '/hello.txt': Buffer.from('hello\n'),
    '/x.txt': Buffer.from('web\n'),
    '/two.tgz': archive,
  };
  const web = resources.use(await webServer((path) => files[path]));
  const repository = new TestRepository(join(sandbox.folder, 'git/app.git'));
  repository.commit({ 'x.txt': 'old\n' });
  repository.git('tag', 'v1');
  repository.git('checkout', '-q', '-b', 'side');
  repository.commit({ 'sub/one.md': '1\n', 'sub/in/two': '2\n' });
  repository.git('checkout', '-q', 'main');
  const commit = repository.commit({ 'x.txt': 'git\n', 'd/readme.md': 'r\n', 'd/run': 'x\n', link: { link: 'd/run' } });
  const git = resources.use(await gitServer(join(sandbox.folder, 'git')));
  words = new Map([
    ['WEB', web.origin],
    ['GIT', git.origin],
    ['SUM', '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'],
    ['COMMIT', commit],
  ]);
});
after(() => resources.disposeAsync());

for (const [name, instructions, other] of table) {
  test(`as Docker does it: ${name}`, { skip: needsDocker }, async () => {
    const filled = instructions.replaceAll(/WEB|GIT|SUM|COMMIT/g, (word) => words.get(word) ?? word);
    const text = `FROM scratch\n${filled}\n`;
    await compareWithDocker(sandbox, {
      text,
      ...(typeof other === 'string' ? { ignore: other } : {}),
      ...(other instanceof RegExp ? { refusal: other } : {}),
    });
  });
}
