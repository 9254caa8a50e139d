import type { CheckFacts, PlatformFacts } from './check-facts.ts';

const amd64: PlatformFacts = { os: 'linux', architecture: 'amd64', text: 'linux/amd64' };
/** A world in which every image exists, for one platform, and sets nothing but PATH. */
export const facts: CheckFacts = {
  buildArgs: new Map(),
  platformArgs: new Map([
    ['BUILDPLATFORM', 'linux/amd64'],
    ['TARGETPLATFORM', 'linux/amd64'],
  ]),
  platform: amd64,
  targets: [],
  parsePlatform: (text) => {
    const [os = '', architecture = ''] = text.split('/');
    return { os, architecture, text };
  },
  imageNameProblem: (name) => (/^[a-z]+(?::[\w.-]+)?$/.test(name) ? undefined : `${name} is no name`),
  base: () => ({ env: new Map([['PATH', '/bin']]), hasShell: false, triggers: [], platform: amd64 }),
};
