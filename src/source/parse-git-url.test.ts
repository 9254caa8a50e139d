import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { parseGitUrl } from './parse-git-url.ts';

/** Text | remote | name | the rest as JSON; a single column is no git URL. */
const accepted = `
https://example.com/
https://example.com/foo
https://example.com/foo.git | https://example.com/foo.git | foo
https://example.com/foo.git#deadbeef | https://example.com/foo.git | foo | {"ref":"deadbeef"}
https://example.com/foo.git#release/1.2 | https://example.com/foo.git | foo | {"ref":"release/1.2"}
https://example.com/foo.git/
https://example.com/foo.git.bar
HTTPS://example.com/foo.git | https://example.com/foo.git | foo
http://example.com/foo.git | http://example.com/foo.git | foo
git://example.com/foo | git://example.com/foo | foo
git://example.com/foo#v1:sub | git://example.com/foo | foo | {"ref":"v1","subdir":"sub"}
ssh://git@example.com:2222/a/b.git | ssh://git@example.com:2222/a/b.git | b
github.com/moby/buildkit | https://github.com/moby/buildkit | buildkit | {"isShorthand":true}
github.com/moby/buildkit#main:docs | https://github.com/moby/buildkit | buildkit | {"isShorthand":true,"ref":"main","subdir":"docs"}
custom.xyz/moby/buildkit.git
https://github.com/moby/buildkit
https://foo:bar@github.com/moby/buildkit.git | https://foo:bar@github.com/moby/buildkit.git | buildkit
git@github.com:moby/buildkit | git@github.com:moby/buildkit | buildkit
git@github.com:moby/buildkit.git#v1:sub | git@github.com:moby/buildkit.git | buildkit | {"ref":"v1","subdir":"sub"}
git@github.com:moby/buildkit.git?tag=v1 | git@github.com:moby/buildkit.git | buildkit | {"ref":"refs/tags/v1"}
github.com:moby/buildkit.git
https://github.com/foo/bar.git#baz/qux:quux/quuz | https://github.com/foo/bar.git | bar | {"ref":"baz/qux","subdir":"quux/quuz"}
https://github.com/foo/bar.git#a%20b | https://github.com/foo/bar.git | bar | {"ref":"a b"}
http://github.com/docker/docker.git:#branch
https://github.com/docker/docker.git#:myfolder | https://github.com/docker/docker.git | docker | {"subdir":"myfolder"}
https://github.com/docker/docker.git# | https://github.com/docker/docker.git | docker
./.git
../x.git
.git
file:///srv/foo.git
ftp://example.com/foo.git
https://me:pass/word@h/d.git
https://[::1]:80/d.git | https://[::1]:80/d.git | d
ext::sh
https://h/d.git?ref=v1.0.0&subdir=/subdir | https://h/d.git | d | {"ref":"v1.0.0","subdir":"/subdir"}
https://h/d.git?ref=v1#v1 | https://h/d.git | d | {"ref":"v1"}
https://h/d.git?ref=v1#v1:s | https://h/d.git | d | {"ref":"v1","subdir":"s"}
https://h/d.git?tag=v1 | https://h/d.git | d | {"ref":"refs/tags/v1"}
https://h/d.git?tag=refs/tags/v1 | https://h/d.git | d | {"ref":"refs/tags/v1"}
https://h/d.git?branch=dev | https://h/d.git | d | {"ref":"refs/heads/dev"}
https://h/d.git?commit=abc | https://h/d.git | d | {"ref":"abc","checksum":"abc"}
https://h/d.git?checksum=abc&ref=main | https://h/d.git | d | {"ref":"main","checksum":"abc"}
https://h/d.git?keep-git-dir&submodules=false | https://h/d.git | d | {"keepGitDir":true,"submodules":false}
https://h/d.git?keep-git-dir=0&submodules=True | https://h/d.git | d | {"keepGitDir":false,"submodules":true}
https://h/%64.git?subdir=a%2Fb | https://h/%64.git | %64 | {"subdir":"a/b"}
https://h/%zz.git
`;

for (const line of accepted.trim().split('\n')) {
  const [text = '', remote, name, more = '{}'] = line.split(' | ').map((each) => each.trim());
  test(`git URL: ${line}`, () => {
    const nothing = { ref: undefined, checksum: undefined, subdir: undefined, keepGitDir: undefined };
    const expected = { ...nothing, submodules: undefined, isShorthand: false, remote, name, ...JSON.parse(more) };
    assert.deepEqual(parseGitUrl(text), remote === undefined ? undefined : expected);
  });
}

/** Text | what is wrong with it, in BuildKit's words where it has some. */
const refused = `
https://h/d.git?foo=bar | unexpected query "foo"
https://h/d.git?ref=a&ref=b | query "ref" has multiple values
https://h/d.git?ref= | query "ref" has no value
https://h/d.git?branch=a&tag=b | branch conflicts with tag
https://h/d.git?ref=a#b | ref conflicts: "b" vs "a"
https://h/d.git?ref=a&tag=b | ref conflicts: "a" vs "refs/tags/b"
https://h/d.git?subdir=a#:b | subdir conflicts: "b" vs "a"
https://h/d.git?keep-git-dir=maybe | invalid keep-git-dir value: "maybe"
https://h/d.git?submodules=2 | invalid submodules value: "2"
https://h/d.git#--upload-pack=touch | invalid git ref "--upload-pack=touch"
https://h/d.git#a%0ab | invalid git ref "a\\nb"
https://h/a%0d.git | it has control characters
ssh://-oProxyCommand=touch/d | it names no host
git@-oProxyCommand:d | it names no host
git@h:-d | its path begins with a dash
`;

for (const line of refused.trim().split('\n')) {
  const [text = '', problem = ''] = line.split(' | ');
  test(`a git URL that is refused: ${line}`, () => {
    assert.throws(
      () => parseGitUrl(text),
      (error) => Fault.is(error, 'invalid') && error.message === `parse git URL ${text}: ${problem}`,
    );
  });
}

test('credentials in a URL are never in a message', () => {
  assert.throws(
    () => parseGitUrl('https://me:s3cret@h/d.git?foo=1'),
    (error) => Fault.is(error) && !error.message.includes('s3cret'),
  );
});
