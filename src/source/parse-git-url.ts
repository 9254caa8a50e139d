import { Fault } from '../errors/index.ts';
import type { GitReference } from './git-reference.ts';
import { shownUrl } from './web-url.ts';

/**
 * Takes a text apart that may name a git repository; undefined where it does not, so that it may be a file or a URL: an
 * `http` URL is a repository only if its path ends in `.git`. Fault `invalid` where it is one and asks for something that
 * there is not.
 */
export function parseGitUrl(text: string): GitReference | undefined {
  if (text.startsWith('./') || text.startsWith('../')) return undefined;
  const isShorthand = text.startsWith('github.com/');
  const place = isShorthand ? splitUrl(`https://${text}`) : (splitUrl(text) ?? splitScp(text));
  if (place === undefined) return undefined;
  const isWeb = place.scheme === 'http' || place.scheme === 'https';
  if (isWeb && !isShorthand && !place.path.endsWith('.git')) return undefined;
  return checked(text, { ...place, isShorthand });
}

interface Place {
  readonly scheme: string;
  /** Without query and fragment. */
  readonly remote: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

const urlForm = /^([a-zA-Z0-9]+):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
const hostForm = /^(\[[0-9a-fA-F:.]+\]|[^:]*)(:[0-9]*)?$/;
const scpForm = /^[a-zA-Z0-9_-]+@([a-zA-Z0-9.-]+):([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;

function splitUrl(text: string): Place | undefined {
  const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = urlForm.exec(text) ?? [];
  const known = scheme.toLowerCase();
  if (!['http', 'https', 'ssh', 'git'].includes(known)) return undefined;
  const decoded = [path, fragment].map(decodePercent);
  if (decoded[0] === undefined || decoded[1] === undefined) return undefined;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (!hostForm.test(host)) return undefined;
  const remote = `${known}://${authority}${path}`;
  return { scheme: known, remote, host, path: decoded[0], query, fragment: decoded[1] };
}

/** `user@host:path`, as `scp` has it. Its fragment is taken as it stands. */
function splitScp(text: string): Place | undefined {
  const [whole, host = '', path = '', query = '', fragment = ''] = scpForm.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const end = /[?#]/.exec(text)?.index ?? text.length;
  return { scheme: 'ssh', remote: text.slice(0, end), host, path, query, fragment };
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function checked(text: string, place: Place & { readonly isShorthand: boolean }): GitReference {
  const shown = shownUrl(text);
  const query = readQuery(place.query, shown);
  const [fragmentRef = '', fragmentSubdir] = cut(place.fragment, ':');
  const ref = agreed('ref', [fragmentRef, query.ref, query.tag, query.branch], shown) ?? query.checksum;
  const subdir = agreed('subdir', [fragmentSubdir, query.subdir], shown);
  refuseDangerous({ ...place, ref: ref ?? '' }, shown);
  return {
    remote: place.remote,
    name: place.remote.slice(place.remote.lastIndexOf('/') + 1).replace(/\.git$/, ''),
    ref,
    checksum: query.checksum,
    subdir,
    keepGitDir: query.keepGitDir,
    submodules: query.submodules,
    isShorthand: place.isShorthand,
  };
}

interface Query {
  ref?: string;
  tag?: string;
  branch?: string;
  subdir?: string;
  checksum?: string;
  keepGitDir?: boolean;
  submodules?: boolean;
}

function readQuery(text: string, shown: string): Query {
  const parameters = new URLSearchParams(text);
  const query: Query = {};
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    if (values.length > 1) throw invalid(shown, `query ${quote(name)} has multiple values`);
    const [value = ''] = values;
    if (value === '' && !isSwitch(name)) throw invalid(shown, `query ${quote(name)} has no value`);
    readParameter(query, { name, value, shown });
  }
  if (query.tag !== undefined && query.branch !== undefined) throw invalid(shown, 'branch conflicts with tag');
  return query;
}

function isSwitch(name: string): boolean {
  return name === 'keep-git-dir' || name === 'submodules';
}

function readParameter(query: Query, given: { name: string; value: string; shown: string }): void {
  const { name, value, shown } = given;
  switch (name) {
    case 'ref':
    case 'subdir':
      query[name] = value;
      return;
    case 'tag':
      query.tag = prefixed('refs/tags/', value);
      return;
    case 'branch':
      query.branch = prefixed('refs/heads/', value);
      return;
    case 'checksum':
    case 'commit':
      query.checksum = value;
      return;
    case 'keep-git-dir':
      query.keepGitDir = readSwitch(name, value, shown);
      return;
    case 'submodules':
      query.submodules = readSwitch(name, value, shown);
      return;
    default:
      throw invalid(shown, `unexpected query ${quote(name)}`);
  }
}

function prefixed(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name : prefix + name;
}

function readSwitch(name: string, value: string, shown: string): boolean {
  if (['', '1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw invalid(shown, `invalid ${name} value: ${quote(value)}`);
}

/** What all say that say something; undefined where none does. */
function agreed(name: string, values: readonly (string | undefined)[], shown: string): string | undefined {
  const said = values.filter((value) => value !== undefined && value !== '');
  const [first, other] = new Set(said);
  if (other !== undefined) throw invalid(shown, `${name} conflicts: ${quote(first ?? '')} vs ${quote(other)}`);
  return first;
}

function cut(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Git, ssh and helpers of git take what begins with a dash for an option, and a line's end for the end of a field. */
function refuseDangerous({ remote, host, path, ref }: Place & { readonly ref: string }, shown: string): void {
  if (ref.startsWith('-') || hasControls.test(ref)) throw invalid(shown, `invalid git ref ${quote(ref)}`);
  if (hasControls.test(remote) || hasControls.test(path)) throw invalid(shown, 'it has control characters');
  if (host === '' || host.startsWith('-')) throw invalid(shown, 'it names no host');
  if (path.startsWith('-')) throw invalid(shown, 'its path begins with a dash');
}

// oxlint-disable-next-line no-control-regex
const hasControls = /[\x00-\x1f\x7f]/;

function quote(text: string): string {
  return JSON.stringify(text);
}

function invalid(shown: string, problem: string): Fault {
  return new Fault('invalid', `parse git URL ${shown}: ${problem}`);
}
