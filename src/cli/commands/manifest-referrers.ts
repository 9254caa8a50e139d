import type { Referrer, Registries } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { escapeControls } from '../escape-controls.ts';
import { text, toggle } from '../flags.ts';
import { formatSize } from '../human.ts';
import { formatList, listFormatFlag, type ListRow } from '../list-format.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly registries: Pick<Registries, 'referrers'>;
}

const headings = { Digest: 'DIGEST', ArtifactType: 'ARTIFACT TYPE', Size: 'SIZE', Annotations: 'ANNOTATIONS' };
const columns = ['Digest', 'ArtifactType', 'Size'];

export const manifestReferrers = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  operands: { min: 1, max: 1 },
  flags: {
    'artifact-type': text('Only those of this type', { placeholder: 'type' }),
    format: listFormatFlag,
    quiet: toggle('Only show digests', { short: 'q' }),
    'tls-verify': tlsVerifyFlag(),
  },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const { registries } = await context.openEngine();
    const found = await registries.referrers(name, {
      tlsVerify: flags['tls-verify'],
      signal: context.signal,
      ...(flags['artifact-type'] === undefined ? {} : { artifactType: flags['artifact-type'] }),
    });
    if (flags.quiet) context.stdout.print(found.map(({ digest }) => `${digest}\n`).join(''));
    else context.stdout.print(formatList(found.map(listRow), { headings, columns }, flags.format));
    return 0;
  },
});

function listRow({ digest, artifactType, sizeBytes, annotations }: Referrer): ListRow {
  const shown = Object.entries(annotations).map(([name, value]) => `${name}=${value}`);
  return {
    Digest: digest,
    ArtifactType: artifactType === '' ? '<none>' : escapeControls(artifactType),
    Size: formatSize(sizeBytes),
    Annotations: escapeControls(shown.join(',')),
  };
}
