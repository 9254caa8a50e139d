import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault, type FaultCode } from '../../errors/index.ts';
import { CopySandbox, type Built } from './copy-sandbox.fixture.ts';
import { reasonText } from '../reason-text.ts';

/** Runs a test in a sandbox of its own, whose context a shell makes. */
function copying(name: string, script: string, body: (sandbox: CopySandbox) => Promise<void>): void {
  test(name, async () => {
    using sandbox = new CopySandbox();
    sandbox.shell(script);
    await body(sandbox);
  });
}

function build(sandbox: CopySandbox, ...instructions: readonly string[]): Promise<Built> {
  return sandbox.build(`FROM scratch\n${instructions.join('\n')}\n`);
}

function refused(code: FaultCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(Fault.is(error, code), String(error));
    assert.match(error.message, message);
    return true;
  };
}

copying(
  'COPY: the key ignores mtime; the copied file keeps it',
  'echo a > a; touch -d 2001-02-03T04:05:06.789Z a',
  async (sandbox) => {
    const { chain } = await build(sandbox, 'COPY a /');
    using tree = sandbox.layers.tree(chain);
    assert.deepEqual(tree.lookup('a' as never)?.mtime, { sec: 981_173_106, nsec: 789_000_000 });
    utimesSync(join(sandbox.context, 'a'), 1, 1);
    assert.deepEqual((await build(sandbox, 'COPY a /')).steps, ['cached']);
  },
);

copying(
  'COPY: a step that is known is not run again, and one that is not says why',
  'mkdir s; echo a > s/a; echo b > s/b',
  async (sandbox) => {
    await build(sandbox, 'COPY s /');
    assert.deepEqual((await build(sandbox, 'COPY s /')).steps, ['cached']);
    writeFileSync(join(sandbox.context, 's/a'), 'c\n');
    sandbox.shell('chmod 600 s/b; echo c > s/c');
    const { reasons } = await build(sandbox, 'COPY s /');
    assert.deepEqual(reasons.map(reasonText), ['3 of 3 files changed: s/a (content), s/b (mode), s/c (added)']);
  },
);

copying(
  'COPY: what the stat cache remembers is not read again, and what changed is',
  'for i in a b c; do echo $i > $i; done',
  async (sandbox) => {
    const later = Date.now() + 60_000;
    sandbox.now = () => later;
    const first = await build(sandbox, 'COPY . /');
    assert.deepEqual((await build(sandbox, 'COPY . /')).steps, ['cached']);
    writeFileSync(join(sandbox.context, 'b'), 'x\n');
    const second = await build(sandbox, 'COPY . /');
    assert.deepEqual(second.steps, ['changed']);
    assert.notDeepEqual(second.tree, first.tree);
  },
);

copying(
  'COPY: many new files are packed while the key is found out',
  'mkdir m; cd m; for i in $(seq 1200); do echo $i > f$i; done',
  async (sandbox) => {
    const first = await build(sandbox, 'COPY m /x/');
    assert.equal(first.tree.length, 1201);
    assert.deepEqual((await build(sandbox, 'COPY m /x/')).steps, ['cached']);
    sandbox.state.stats.forgetBefore(Infinity);
    const again = await build(sandbox, 'COPY m /x/');
    assert.deepEqual([again.steps, again.chain], [['cached'], first.chain]);
  },
);

copying(
  'COPY: one large new file is packed while the key is found out',
  'head -c 40000000 /dev/zero > big; echo a > a',
  async (sandbox) => {
    const first = await build(sandbox, 'COPY big a /x/');
    assert.deepEqual(
      first.tree.map((line) => line.split(' ')[3]),
      ['x', 'x/a', 'x/big'],
    );
    assert.deepEqual((await build(sandbox, 'COPY big a /x/')).steps, ['cached']);
  },
);

copying('COPY: the mode counts only where it gets into the layer', 'echo a > a; chmod 600 a', async (sandbox) => {
  await build(sandbox, 'COPY --chmod=644 a /');
  sandbox.shell('chmod 640 a');
  assert.deepEqual((await build(sandbox, 'COPY --chmod=644 a /')).steps, ['cached']);
});

copying('COPY: the same sources to another destination are another step', 'echo a > a', async (sandbox) => {
  await build(sandbox, 'COPY a /x');
  assert.deepEqual((await build(sandbox, 'COPY a /y')).steps, ['changed']);
});

copying(
  'COPY: a stage that was built anew with the same files changes nothing',
  'echo a > a; echo b > b',
  async (sandbox) => {
    const last = ['FROM scratch', 'COPY --from=0 /s/a /'];
    await build(sandbox, 'COPY a a /s/', ...last);
    assert.deepEqual((await build(sandbox, 'COPY a b /s/', ...last)).steps, ['changed', 'cached']);
  },
);

copying(
  'COPY: a source directory meeting a symlink or file is an error that names both',
  'mkdir -p s/d b; echo f > b/d; mkdir l; ln -s x l/d',
  async (sandbox) => {
    const onFile = refused('invalid', /cannot copy to non-directory: \/d is a file, and directory s\/d goes there\n/);
    await assert.rejects(build(sandbox, 'COPY b /', 'COPY s /'), onFile);
    const onLink = refused(
      'invalid',
      /cannot copy to non-directory: \/d is a symlink, and directory s\/d goes there\n/,
    );
    await assert.rejects(build(sandbox, 'COPY l /', 'COPY s /'), onLink);
  },
);

copying(
  'COPY: a wildcard that matches nothing is an error only when all sources are empty; a plain missing source always is',
  'echo a > a',
  async (sandbox) => {
    await build(sandbox, 'COPY no* a /x/');
    await assert.rejects(
      build(sandbox, 'COPY no* nothing? /x/'),
      refused('not-found', /no source files were specified/),
    );
    const missing = refused(
      'not-found',
      /failed to compute cache key: "\/nope": not found\n.*\n(.*\n)* +2 \| >>> COPY a nope \/x\//,
    );
    await assert.rejects(build(sandbox, 'COPY a nope /x/'), missing);
  },
);

copying('COPY: several sources need a destination directory', 'echo a > a; echo b > b', async (sandbox) => {
  await assert.rejects(build(sandbox, 'COPY a b /x'), refused('invalid', /cannot copy 2 sources to the one file \/x/));
});

copying('COPY: hard links inside one COPY stay links', 'mkdir s; echo a > s/a; ln s/a s/b', async (sandbox) => {
  const { tree } = await build(sandbox, 'COPY s /');
  assert.deepEqual(tree, ['file 644 0:0 a "a\\n"', 'file 644 0:0 b "a\\n" = a']);
});

copying(
  'COPY: a link whose source is outside the selected set becomes a regular file',
  'mkdir s; echo a > a; ln a s/b',
  async (sandbox) => {
    assert.deepEqual((await build(sandbox, 'COPY s /')).tree, ['file 644 0:0 b "a\\n"']);
  },
);

copying(
  'COPY: of one name in several sources the last counts, and links to it are not lost',
  'mkdir s t; echo a > s/a; ln s/a s/b; echo t > t/a',
  async (sandbox) => {
    const { tree } = await build(sandbox, 'COPY s t /');
    assert.deepEqual(tree, ['file 644 0:0 a "t\\n"', 'file 644 0:0 b "a\\n"']);
  },
);

copying(
  'COPY: sockets are skipped and counted; FIFOs kept and never opened',
  'mkdir s; mkfifo s/f',
  async (sandbox) => {
    const server = createServer().listen(join(sandbox.context, 's/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const { tree } = await build(sandbox, 'COPY s /');
      assert.deepEqual(tree, ['fifo 644 0:0 f']);
    } finally {
      server.close();
    }
  },
);

copying(
  'COPY: a real char device 0/0 in an input is refused with a clear message',
  'mkdir s; mknod s/d c 0 0',
  async (sandbox) => {
    await assert.rejects(
      build(sandbox, 'COPY s /'),
      refused('invalid', /copy s\/d: a character device 0:0 means a deletion/),
    );
  },
);

copying(
  'COPY: a user file called .wh.* cannot be stored: fail the step, name it',
  'mkdir -p s/t; echo > s/t/.wh.x',
  async (sandbox) => {
    await assert.rejects(
      build(sandbox, 'COPY s /'),
      refused('invalid', /copy s\/t\/\.wh\.x: names that begin with \.wh\./),
    );
    await assert.rejects(build(sandbox, 'COPY s/t/.wh.x /y'), refused('invalid', /\.wh\.x: names that begin/));
  },
);

copying(
  'COPY: keep user.* and security.capability, v3 with a rootid becomes v2',
  'echo a > a; setfattr -n user.x -v y a; setfattr -n security.capability -v 0x010000030020000000000000000000000000000005000000 a',
  async (sandbox) => {
    const { tree } = await build(sandbox, 'COPY a /');
    const capability = String.raw`\x01\x00\x00\x02\x00 \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00`;
    assert.deepEqual(tree, [`file 644 0:0 a "a\\n" security.capability=${capability} user.x=y`]);
  },
);

copying('COPY: a non-UTF-8 name survives', String.raw`mkdir s; touch s/$'a\xffb'`, async (sandbox) => {
  assert.deepEqual((await build(sandbox, 'COPY s /')).tree, [String.raw`file 644 0:0 a\xffb ""`]);
  assert.deepEqual((await build(sandbox, 'COPY s/a?b /')).tree, [String.raw`file 644 0:0 a\xffb ""`]);
});

copying(
  'COPY: nothing leads out of the context, at the moment of use',
  'mkdir s; echo secret > ../secret; ln -s ../../secret s/out; ln -s ../.. up; ln -s / root',
  async (sandbox) => {
    for (const source of ['s/out', 'up/secret', '../secret', 'root/etc/passwd', 'root/../../secret']) {
      await assert.rejects(build(sandbox, `COPY ${source} /x`), refused('not-found', /not found/));
    }
    assert.deepEqual((await build(sandbox, 'COPY s /')).tree, ['symlink 777 0:0 out -> ../../secret']);
  },
);

copying(
  'COPY: --chown by names that the destination does not know is an error',
  'mkdir -p b/etc; echo app:x:5:6::/: > b/etc/passwd; echo a > a',
  async (sandbox) => {
    await assert.rejects(
      build(sandbox, 'COPY b /', 'COPY --chown=nobody a /'),
      refused('not-found', /unable to find user nobody/),
    );
    await assert.rejects(
      build(sandbox, 'COPY b /', 'COPY --chown=app:g a /'),
      refused('not-found', /unable to find group g/),
    );
  },
);

copying('COPY: an abort ends it', 'mkdir m; cd m; for i in $(seq 3000); do : > f$i; done', async (sandbox) => {
  const abort = new AbortController();
  const building = sandbox.build('FROM scratch\nCOPY m /\n', { signal: abort.signal });
  setImmediate(() => abort.abort());
  await assert.rejects(building, refused('cancelled', /cancelled/));
  assert.equal((await build(sandbox, 'COPY m /')).tree.length, 3000);
});

copying(
  'ADD: unpacks local tar by content, not name, and xz too',
  'echo a > a; tar cJf x.txt a; tar cf y a; echo no > z.tar.gz',
  async (sandbox) => {
    const { tree } = await build(sandbox, 'ADD x.txt /x/', 'ADD y /y/', 'ADD z.tar.gz /z/');
    assert.deepEqual(
      tree.filter((line) => line.startsWith('file')).map((line) => line.split(' ')[3]),
      ['x/a', 'y/a', 'z/z.tar.gz'],
    );
  },
);

copying(
  'ADD: skips its root entry; keeps its owners',
  'mkdir -m 0700 r; echo a > r/a; chown -R 5:6 r; tar -C r -cf t .',
  async (sandbox) => {
    assert.deepEqual((await build(sandbox, 'ADD t /x/')).tree, ['dir 755 0:0 x', 'file 644 5:6 x/a "a\\n"']);
  },
);

/** An archive whose members are as they are written: names, links, one after the other. */
const members = `
import io, sys, tarfile
archive = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT)
for word in sys.argv[2:]:
    kind, _, rest = word.partition(':')
    name, _, value = rest.partition('=')
    info = tarfile.TarInfo(name)
    info.type = {'f': tarfile.REGTYPE, 'd': tarfile.DIRTYPE, 's': tarfile.SYMTYPE, 'h': tarfile.LNKTYPE, 'c': tarfile.CHRTYPE}[kind]
    info.mode = 0o755 if kind == 'd' else 0o644
    if kind in 'sh': info.linkname = value
    content = value.encode() if kind == 'f' else b''
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
archive.close()
`;

function archive(sandbox: CopySandbox, ...words: readonly string[]): void {
  execFileSync('python3', ['-c', members, join(sandbox.context, 't.tar'), ...words]);
}

function unpacking(name: string, words: readonly string[], expected: readonly string[] | RegExp, below?: string): void {
  copying(name, `mkdir b; ${below ?? ':'}`, async (sandbox) => {
    archive(sandbox, ...words);
    const building = build(sandbox, 'COPY b /', 'ADD t.tar /x');
    if (expected instanceof RegExp) return assert.rejects(building, refused('invalid', expected));
    assert.deepEqual(
      (await building).tree.map((line) => line.replace(/^(\w+) \d+ 0:0 /, '$1 ')),
      expected,
    );
  });
}

unpacking(
  'names with `..` are cleaned to the root',
  ['f:../../up=1', 'f:/abs=2', 'f:a/../b=3', 'f:./c/./d=4'],
  ['dir x', 'file x/abs "2"', 'file x/b "3"', 'dir x/c', 'file x/c/d "4"', 'file x/up "1"'],
);
unpacking(
  'symlinks in an archive that point out of the root are kept, and later writes resolved inside the root',
  ['s:l=/out', 'f:l/in=1', 's:m=../../../y', 'f:m/z=2'],
  ['dir out', 'file out/in "1"', 'dir x', 'symlink x/l -> /out', 'symlink x/m -> ../../../y', 'dir y', 'file y/z "2"'],
);
unpacking(
  'an archive writes through the symlinks of the destination',
  ['f:l/in=1'],
  ['dir x', 'symlink x/l -> /y', 'dir y', 'file y/in "1"'],
  'mkdir b/x b/y; ln -s /y b/x/l',
);
unpacking(
  'a directory entry over a symlink replaces the symlink',
  ['d:l', 'f:l/in=1'],
  ['dir x', 'dir x/l', 'file x/l/in "1"', 'dir y', 'file y/old "o\\n"'],
  'mkdir b/x b/y; echo o > b/y/old; ln -s /y b/x/l',
);
unpacking(
  'only directory over directory merges; any other pair replaces',
  ['f:d=1', 'd:f', 'f:f/in=2', 'd:e'],
  ['dir x', 'file x/d "1"', 'dir x/e', 'file x/e/old "o\\n"', 'dir x/f', 'file x/f/in "2"'],
  'mkdir -p b/x/d/sub b/x/e; echo o > b/x/f; echo o > b/x/e/old',
);
unpacking(
  'a hard link to a symlink links the symlink itself',
  ['s:l=/nowhere', 'h:m=l'],
  ['dir x', 'symlink x/l -> /nowhere', 'symlink x/m -> /nowhere = x/l'],
);
unpacking(
  'a link to a file of a lower layer carries the data',
  ['h:new=./old'],
  ['dir x', 'file x/new "o\\n"', 'file x/old "o\\n"'],
  'mkdir b/x; echo o > b/x/old',
);
unpacking(
  'a link to what is not there is refused',
  ['h:new=nothing'],
  /unpack t\.tar: member new links to nothing, which is not there/,
);
unpacking(
  'duplicate names are never written: the last one wins',
  ['f:a=1', 'd:d', 'f:d/a=1', 'f:a=2', 'd:d/', 'f:d/a=3', 'f:a=4'],
  ['dir x', 'file x/a "4"', 'dir x/d', 'file x/d/a "3"'],
);
unpacking(
  'a directory that comes after what is in it is written once',
  ['f:p/q/r=1', 'd:p/q', 'd:p'],
  ['dir x', 'dir x/p', 'dir x/p/q', 'file x/p/q/r "1"'],
);
unpacking(
  'whiteout names in an archive are refused',
  ['f:d/.wh.x=1'],
  /member d\/\.wh\.x has a name that means a deletion/,
);
unpacking('a char device 0/0 in an archive is refused', ['c:zero'], /member zero is a character device 0:0/);
unpacking(
  'a file where a directory is needed is refused',
  ['f:f/in=1'],
  /mkdir \/x\/f: not a directory/,
  'mkdir b/x; echo o > b/x/f',
);

copying('ADD: an xz archive without xz names the package', 'echo a > a; tar cJf t a', async (sandbox) => {
  sandbox.searchPath = '/nowhere';
  await assert.rejects(build(sandbox, 'ADD t /'), (error: unknown) => {
    assert.ok(Fault.is(error, 'unavailable'));
    assert.match(error.message, /unpack t: the program xz is not there/);
    assert.equal(error.hint, 'install it: apt-get install xz-utils');
    return true;
  });
});

copying(
  'ADD: a sparse file is dense in the tar',
  'truncate -s 300000 s; echo end >> s; tar -cSf t s',
  async (sandbox) => {
    const { tree } = await build(sandbox, 'ADD t /');
    const plain = await build(sandbox, 'COPY s /');
    assert.deepEqual(tree, plain.tree);
  },
);

copying(
  '.dockerignore: a file that was read by the builder may itself be ignored',
  'echo a > a; printf "Dockerfile\\n.dockerignore\\n" > .dockerignore; : > Dockerfile',
  async (sandbox) => {
    assert.deepEqual((await build(sandbox, 'COPY . /')).tree, ['file 644 0:0 a "a\\n"']);
  },
);

copying(
  '.dockerignore: `<Dockerfile>.dockerignore` first',
  'echo a > a; echo b > b; echo a > .dockerignore; printf "b\\n*ocker*\\n" > Dockerfile.dockerignore',
  async (sandbox) => {
    assert.deepEqual((await build(sandbox, 'COPY . /')).tree, ['file 644 0:0 a "a\\n"']);
    rmSync(join(sandbox.context, 'Dockerfile.dockerignore'));
    assert.deepEqual((await build(sandbox, 'COPY [ab] /')).tree, ['file 644 0:0 b "b\\n"']);
  },
);

copying(
  '.dockerignore: `!` re-includes even below an ignored directory, with the directories that lead there',
  'mkdir -p -m 750 d/e/f g; echo a > d/e/f/a; echo b > d/b; printf "d\\ng\\n.dockerignore\\n!d/e/f\\n" > .dockerignore',
  async (sandbox) => {
    const paths = (await build(sandbox, 'COPY . /')).tree.map((line) => line.split(' ')[3]);
    assert.deepEqual(paths, ['d', 'd/e', 'd/e/f', 'd/e/f/a']);
  },
);

copying(
  '.dockerignore: one that leads out of the context is an error',
  'echo a > a; echo a > ../rules; ln -s ../rules .dockerignore',
  async (sandbox) => {
    await assert.rejects(build(sandbox, 'COPY a /'), /read the ignore file \.dockerignore: .*no such file/);
  },
);

copying(
  '.dockerignore: a mistake is an error that names the line',
  'printf "a\\n[\\n" > .dockerignore',
  async (sandbox) => {
    await assert.rejects(
      build(sandbox, 'COPY . /'),
      refused('invalid', /read \.dockerignore: syntax error in pattern: \[ \(line 2\)/),
    );
  },
);
