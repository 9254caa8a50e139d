import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplate } from './go-template.ts';

const image = {
  Id: 'sha256:af973c39eff1',
  Size: 1984172,
  Config: { Env: ['PATH=/bin', 'A=1'], Labels: null, Cmd: ['sh'], User: '' },
  RootFS: { Type: 'layers', Layers: ['sha256:8ee1', 'sha256:faae'] },
  Label: (key: string) => (key === 'a' ? '1' : ''),
};

/** Template and text, as the real `docker inspect --format` gives it for such data. */
const rendered: readonly (readonly [string, string])[] = [
  ['plain', 'plain'],
  ['{{.Id}}', 'sha256:af973c39eff1'],
  ['{{.Config.User}}|', '|'],
  ['{{.Config.Labels}}', '<no value>'],
  ['{{.Config.Labels.foo}}', '<no value>'],
  ['{{.Config.Env}}', '[PATH=/bin A=1]'],
  ['{{.RootFS}}', 'map[Layers:[sha256:8ee1 sha256:faae] Type:layers]'],
  ['{{.Config}}', 'map[Cmd:[sh] Env:[PATH=/bin A=1] Labels:<nil> User:]'],
  ['{{json .Config.Env}}', '["PATH=/bin","A=1"]'],
  ['{{json .Config.Labels}}', 'null'],
  ['{{index .RootFS.Layers 1}}', 'sha256:faae'],
  ['{{index .RootFS "Type"}}', 'layers'],
  ['{{(index .RootFS.Layers 0)}}', 'sha256:8ee1'],
  ['{{len .RootFS.Layers}} {{len .Id}}', '2 19'],
  ['{{.Id | upper | lower | printf "%q"}}', '"sha256:af973c39eff1"'],
  ['{{range .RootFS.Layers}}{{.}};{{end}}', 'sha256:8ee1;sha256:faae;'],
  ['{{range $i, $e := .RootFS.Layers}}{{if $i}},{{end}}{{$i}}:{{slice $e 7 9}}{{else}}none{{end}}', '0:8e,1:fa'],
  ['{{range $k, $v := .Config}}{{$k}}={{$v}};{{end}}', 'Cmd=[sh];Env=[PATH=/bin A=1];Labels=<no value>;User=;'],
  ['{{range .Config.Labels}}x{{else}}none{{end}}', 'none'],
  ['{{range .Config.Env}}{{if eq . "A=1"}}{{break}}{{end}}{{.}}{{end}}', 'PATH=/bin'],
  ['{{range .Config.Env}}{{if ne . "A=1"}}{{continue}}{{end}}{{.}}{{end}}', 'A=1'],
  ['{{if .Config.User}}a{{else if .Size}}b{{else}}c{{end}}', 'b'],
  ['{{with .RootFS}}{{.Type}} {{$.Size}}{{end}}', 'layers 1984172'],
  ['{{with .Config.User}}u{{else}}root{{end}}', 'root'],
  ['{{$x := 5}}{{$x}}{{$x = 6}}{{$x}}', '56'],
  ['{{if and .Id (ne .Id "x")}}ok{{end}}', 'ok'],
  ['{{and 1 0}} {{or 0 "x"}} {{not true}}', '0 x false'],
  ['{{eq 1 2 1}} {{gt 2 1}} {{le "a" "b"}}', 'true true true'],
  [
    '{{printf "%s-%d-%v-%q-%5s|%-5s|%05d|%x|%.2f%%" "a" 3 true "q" "r" "l" 42 255 1.5}}',
    'a-3-true-"q"-    r|l    |00042|ff|1.50%',
  ],
  ['{{printf "%d" "x"}} {{printf "%s"}} {{printf "a" 1}}', '%!d(string=x) %!s(MISSING) a%!(EXTRA int=1)'],
  ['{{println "x" 1}}', 'x 1\n'],
  ['{{print "a" 1 2 "b"}}', 'a1 2b'],
  ['{{title "abc"}} {{pad "x" 1 2}}| {{truncate "abcdef" 3}}', 'Abc  x  | abc'],
  ['{{split "a,b" ","}} {{join .RootFS.Layers "+"}}', '[a b] sha256:8ee1+sha256:faae'],
  ['{{1.5}} {{"a\\tb"}} {{`raw\\n`}} {{true}}', '1.5 a\tb raw\\n true'],
  ['a   {{- "trim" -}}    z', 'atrimz'],
  ['a{{/* a comment */}}b', 'ab'],
  ['a {{- /* a comment */ -}} b', 'ab'],
  ['{{.Label "a"}} {{.Label "b" | len}}', '1 0'],
  ['{{html "<"}} {{urlquery "a b"}}', '&lt; a+b'],
];

for (const [source, expected] of rendered) {
  test(`${source} gives ${JSON.stringify(expected)}`, () => {
    assert.equal(compileTemplate(source).render(image), expected);
  });
}

/** Template and error, worded as the real `docker inspect --format` words it. */
const refused: readonly (readonly [string, string])[] = [
  ['{{.Nope}}', 'template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
  ['{{.Config.Nope}}', 'template: :1:9: executing "" at <.Config.Nope>: map has no entry for key "Nope"'],
  ['{{index .Nope 1}}', 'template: :1:8: executing "" at <.Nope>: map has no entry for key "Nope"'],
  [
    '{{eq 1 "a"}}',
    'template: :1:2: executing "" at <eq 1 "a">: error calling eq: incompatible types for comparison: int and string',
  ],
  ['{{len 3}}', 'template: :1:2: executing "" at <len 3>: error calling len: len of type int'],
  ['{{lower}}', 'template: :1:2: executing "" at <lower>: wrong number of args for lower: want 1 got 0'],
  ['{{.Id.Foo}}', 'template: :1:5: executing "" at <.Id.Foo>: can\'t evaluate field Foo in type string'],
  ['x\n{{.Nope}}', 'template: :2:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
  ['{{.Id', 'template: :1: unclosed action'],
  ['{{range .}}', 'template: :1: unexpected EOF'],
  ['{{foo}}', 'template: :1: function "foo" not defined'],
  ['{{.Id | nofn}}', 'template: :1: function "nofn" not defined'],
  ['{{if}}', 'template: :1: missing value for if'],
  ['{{end}}', 'template: :1: unexpected {{end}}'],
  ['{{break}}', 'template: :1: {{break}} outside {{range}}'],
  ['{{"abc}}', 'template: :1: unterminated quoted string'],
  ['{{template "x"}}', 'template: :1: {{template}} is not supported'],
];

for (const [source, message] of refused) {
  test(`${JSON.stringify(source)} is refused`, () => {
    assert.throws(() => compileTemplate(source).render(image), {
      name: 'Fault',
      code: 'invalid',
      message: `template parsing error: ${message}`,
    });
  });
}
