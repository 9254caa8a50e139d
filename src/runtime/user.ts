import { Fault } from '../errors/index.ts';

/** Who a container's process runs as. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one first. */
  readonly additionalGids: readonly number[];
  /** Home directory as the user database has it, `/` for a user who is not in it. */
  readonly home: string;
}

/** The user and group files of a root file system; undefined where it has none. */
export interface UserDatabase {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/**
 * Who `spec` is (`user`, `uid`, `user:group`, `uid:gid` and their mixtures, '' for root), as Docker resolves it: a
 * number needs no entry; with a group, only that group; without one, the user's primary group and every group that
 * lists the user. `groupAdd` names further groups.
 *
 * Fails with `not-found` for a name without an entry and `invalid` for a number out of range.
 */
export function findUser(database: UserDatabase, spec: string, groupAdd: readonly string[] = []): ContainerUser {
  const [userPart = '', groupPart = ''] = spec.split(':');
  const groups = parseGroups(database.group);
  const account = findAccount(database.passwd, userPart);
  const gid = groupPart === '' ? account.gid : groupId(groups, groupPart);
  const listed = groupPart === '' ? groups.filter((group) => isMember(group, account.name)) : [];
  return {
    uid: account.uid,
    gid,
    additionalGids: [
      ...new Set([gid, ...listed.map((group) => group.gid), ...groupAdd.map((each) => groupId(groups, each))]),
    ],
    home: account.home,
  };
}

interface Account {
  readonly name: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function findAccount(passwd: string | undefined, wanted: string): Account {
  const uid = wanted === '' ? 0 : idOf(wanted);
  const accounts = parseAccounts(passwd);
  const found = accounts.find((each) => (uid === undefined ? each.name === wanted : each.uid === uid));
  if (found !== undefined) return found;
  if (uid === undefined)
    throw new Fault('not-found', `unable to find user ${wanted}: no matching entries in passwd file`);
  return { name: undefined, uid, gid: 0, home: '/' };
}

function groupId(groups: readonly Group[], wanted: string): number {
  const gid = idOf(wanted);
  const found = groups.find((each) => (gid === undefined ? each.name === wanted : each.gid === gid));
  if (found !== undefined) return found.gid;
  if (gid === undefined)
    throw new Fault('not-found', `unable to find group ${wanted}: no matching entries in group file`);
  return gid;
}

function isMember(group: Group, name: string | undefined): boolean {
  return name !== undefined && group.members.includes(name);
}

/** An entry whose ids are not numbers is passed over: reading it as id 0, as others do, would make its user root. */
function parseAccounts(passwd: string | undefined): Account[] {
  return rows(passwd).flatMap(([name, , uid = '', gid = '', , home = '']) => {
    if (!isId(uid) || !isId(gid)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home }];
  });
}

function parseGroups(group: string | undefined): Group[] {
  return rows(group).flatMap(([name = '', , gid = '', members = '']) => {
    return isId(gid) ? [{ name, gid: Number(gid), members: members.split(',') }] : [];
  });
}

function rows(text: string | undefined): string[][] {
  const lines = (text ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').map((line) => line.split(':'));
}

const largestId = 2 ** 31 - 1;

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= largestId;
}

function idOf(text: string): number | undefined {
  if (isId(text)) return Number(text);
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  throw new Fault('invalid', `user or group ${text}: uids and gids must be in range 0-${largestId}`);
}
