import { defineCommand } from '../command.ts';
import { text } from '../flags.ts';

export const version = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: { format: text("Format output: 'json' or a Go template", { short: 'f' }) },
  run: async ({ flags }, context) => {
    const data = versionData(context.version);
    if (flags.format === undefined) context.stdout.print(formatVersion(data));
    else if (flags.format === 'json') context.stdout.print(`${JSON.stringify(data)}\n`);
    else {
      const { compileTemplate } = await import('../template/go-template.ts');
      context.stdout.print(`${compileTemplate(flags.format).render(data)}\n`);
    }
    return 0;
  },
});

interface VersionData {
  readonly Version: string;
  readonly NodeVersion: string;
  readonly Os: string;
  readonly Arch: string;
}

/** There is no server; scripts that ask for `.Server.Version` get the one version that there is. */
function versionData(program: string): VersionData & { readonly Client: VersionData; readonly Server: VersionData } {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const data = { Version: program, NodeVersion: process.versions.node, Os: process.platform, Arch: arch };
  return { ...data, Client: data, Server: data };
}

function formatVersion({ Version, NodeVersion, Os, Arch }: VersionData): string {
  return `varve:\n Version:           ${Version}\n Node.js version:   ${NodeVersion}\n OS/Arch:           ${Os}/${Arch}\n`;
}
