import type { Choices } from './random-choices.ts';

/** A RUN that works on a few files over and over. What fails of it, fails alone. */
export function randomRun(
  choices: Choices,
  place: { readonly stages: readonly string[]; readonly step: number },
): string {
  const commands = Array.from({ length: 1 + choices.below(6) }, () => command(choices));
  const mounts = choices.chance(0.2) ? [mountOf(choices, place)] : [];
  const used = mounts.map(({ use }) => use);
  const flags = mounts.map(({ flag }) => `--mount=${flag} `).join('');
  return runOf(choices, { flags, commands: [...used, ...commands] });
}

function runOf(
  choices: Choices,
  { flags, commands }: { readonly flags: string; readonly commands: readonly string[] },
): string {
  const quiet = commands.map((each) => `{ ${each}; } 2>/dev/null || :`);
  const roll = choices.below(10);
  if (roll === 0) return `RUN ${flags}<<EOF\n${quiet.join('\n')}\ntrue\nEOF`;
  if (roll === 1) return `RUN ${flags}<<-"END"\n\t${quiet.join('\n\t')}\n\ttrue\n\tEND`;
  if (roll === 2) return `RUN ${flags}${JSON.stringify(['/bin/sh', '-c', `${quiet.join(';')};true`])}`;
  return `RUN ${flags}${quiet.join('; \\\n    ')}; true`;
}

const paths = [
  '/w',
  '/w/a',
  '/w/a/b',
  '/w/c',
  '/w/d',
  '/base/dir',
  '/base/dir/sub',
  '/base/file',
  '/base/link',
  '/base/hard1',
  '/base/todir',
  '/base/setuid',
  '/t',
  '/vol/f',
  'rel',
  '/base/dir/new',
  '"/w/sp ace"',
  '/w/-dash',
];

function command(choices: Choices): string {
  const [path, other] = [choices.pick(paths), choices.pick(paths)];
  const forms: readonly (() => string)[] = [
    () => `mkdir -p ${path}`,
    () => `mkdir -p ${path}`,
    () => `echo ${choices.below(100)} $A > ${path}`,
    () => `echo ${choices.below(100)} "\${B:-none}" >> ${path}`,
    () => `ln -s ${other} ${path}`,
    () => `ln ${other} ${path}`,
    () => `ln ${other} ${path}`,
    () => `chmod ${choices.pick(['700', '4755', '2775', '1777', 'go-rwx', '0'])} ${path}`,
    () => `chown ${choices.pick(['1000', '1000:50', ':7', 'worker'])} ${path}`,
    () => `chown -h 9:9 ${path}`,
    () => `chown -R 11:12 ${path}`,
    () => `rm -rf ${path}`,
    () => `rm -rf ${path}`,
    () => `rm -rf ${path} && mkdir ${path} && echo new > ${path}/in`,
    () => `mv ${path} ${other}`,
    () => `mv ${path} ${other}`,
    () => `mv ${path} /w/tmp && mv ${other} ${path} && mv /w/tmp ${other}`,
    () => `cp -a ${path} ${other}`,
    () => `touch -d @${100_000 + choices.below(1000)} ${path}`,
    () => `mkfifo ${path}`,
    () => `mknod ${path} c 1 ${choices.below(9)}`,
    () => `mknod ${path} b 7 1`,
    () => `truncate -s ${choices.below(100_000)} ${path}`,
    () => `setfattr -n user.a -v ${choices.below(9)} ${path}`,
    () => `setfattr -n trusted.b -v x ${path}`,
    () => `mkdir -p ${path} && for i in 1 2 3; do echo $i > ${path}/f$i; done`,
    () => `rm -f ${path}/f2; ln ${path}/f1 ${path}/f4`,
    () => `umask 077; echo private > ${path}`,
    () => `cat ${path} > ${other}`,
    () => `id -u > ${path}; id -g >> ${path}; pwd >> ${path}`,
    () => `find / -xdev -path /proc -prune -o -type f -links +1 -print | sort > ${path}`,
  ];
  return choices.pick(forms)();
}

interface Mount {
  readonly flag: string;
  readonly use: string;
}

function mountOf(
  choices: Choices,
  { stages, step }: { readonly stages: readonly string[]; readonly step: number },
): Mount {
  const forms: readonly (() => Mount)[] = [
    () => ({ flag: 'type=tmpfs,target=/w/tmpfs', use: 'echo gone > /w/tmpfs/x; ls -la /w/tmpfs | wc -l > /w/seen' }),
    () => ({ flag: 'type=bind,target=/mnt/ctx', use: `ls -A /mnt/ctx | sort > /listing-${step}` }),
    () => ({ flag: 'target=/mnt/new/ctx,source=dir', use: `cat /mnt/new/ctx/* > /cat-${step}` }),
    () => ({ flag: 'type=bind,source=one,target=/w/bound', use: 'cp /w/bound /w/copied' }),
    () => ({ flag: 'type=bind,target=mnt,source=/dir,rw', use: 'echo lost > mnt/lost; cp -r mnt /kept' }),
    () => ({ flag: `type=cache,target=/cache,id=c-${step}`, use: 'echo cached > /cache/x; ls /cache > /cache-list' }),
    () => ({
      flag: `type=cache,target=/cache/$A,id=d-${step},mode=0700,uid=5`,
      use: 'stat -c "%a %u %g" /cache/* > /cache-stat',
    }),
    () => ({
      flag: `type=bind,from=${stages.length > 0 ? choices.pick(stages) : 'missing-is-skipped'},source=/base,target=/mnt/base`,
      use: `find /mnt/base | sort > /found-${step}`,
    }),
  ];
  const mount = choices.pick(forms)();
  return mount.flag.includes('missing-is-skipped') ? { flag: 'type=tmpfs,target=/tmp', use: 'touch /tmp/x' } : mount;
}
