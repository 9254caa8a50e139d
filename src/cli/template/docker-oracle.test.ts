import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { needsDocker, peerProgram } from '../../std/docker-peer.fixture.ts';
import { compileTemplate } from './go-template.ts';

const image = 'busybox:local';
const inspected = needsDocker === false ? docker('image', 'inspect', image) : undefined;
const absent = inspected?.status !== 0 && 'no Docker is reachable';

function docker(...args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  return spawnSync(peerProgram, ['docker', ...args], { encoding: 'utf8', timeout: 60_000 });
}

/**
 * Fields that Docker's command line keeps in Go structs are left out: a struct prints as `{a b}` and an empty list as `[]`,
 * where the JSON that the engine answered, which is all that we look at, has an object and null.
 */
const templates = [
  '{{.Id}}',
  '{{.Os}}/{{.Architecture}} {{.Size}}',
  '{{json .RootFS}}',
  '{{.Config.Labels.foo}}',
  '{{.RootFS.Layers}} {{len .RootFS.Layers}} {{index .RootFS.Layers 0}}',
  '{{range $i, $e := .RootFS.Layers}}{{$i}}:{{slice $e 0 12}};{{end}}',
  '{{range $k, $v := .RootFS}}{{$k}} {{end}}',
  '{{range .Config.Labels}}x{{else}}none{{end}}',
  '{{with .RootFS}}{{.Type}} {{$.Os}}{{end}}',
  '{{if and .Id (eq .Os "linux" "windows") (not .Config.Labels)}}yes{{else}}no{{end}}',
  '{{$x := .Os}}{{if true}}{{$x = "inner"}}{{end}}{{$x}}',
  '{{$x := .Os}}{{if true}}{{$x := "inner"}}{{end}}{{$x}}',
  '{{.Os | upper | printf "%-8s|%8s|%q" "a" "b"}}',
  '{{printf "%d %5d %05d %-5d| %x %X %c %t %v %%" 1 2 3 4 255 255 65 true "v"}}',
  '{{printf "%.2f %8.3f %e %g %+d %q %s" 1.5 2.25 1234.5 0.25 7 "a\\"b\\n" "s"}}',
  '{{printf "%d %s" "x"}} {{printf "%s" 1}} {{printf "a" 1 "b"}}',
  '{{print 1 2 "a" "b" 3 4}}{{print nil}} {{println "a" 1 true}}',
  '{{title "hello world"}} {{pad "x" 1 2}}| {{truncate "abcdef" 3}} {{lower "ABC"}} {{split "a,b" ","}} {{join (split "a,b" ",") "-"}}',
  '{{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}} {{ne 1 1}} {{or "" 0 "z"}} {{and 1 "" 2}}',
  '{{1.5}} {{-3}} {{0x10}} {{1_000}} {{"t\\tx"}} {{`raw\\n`}} {{\'a\'}} {{true}}',
  'a {{- "b" -}} c {{/* gone */}}d {{- /* gone */ -}} e',
  '{{html "<a b=\'c\'>&\\""}} {{urlquery "a b&c/d"}}',
  '{{range .RootFS.Layers}}{{break}}{{end}}{{range .RootFS.Layers}}{{continue}}x{{end}}.',
];

for (const template of templates) {
  test(`the real docker inspect gives the same for ${template}`, { skip: absent }, () => {
    const [data] = JSON.parse(inspected?.stdout ?? '[]') as readonly unknown[];
    const expected = docker('image', 'inspect', '--format', template, image);
    assert.equal(expected.status, 0, expected.stderr);
    assert.equal(`${compileTemplate(template).render(data)}\n`, expected.stdout);
  });
}
