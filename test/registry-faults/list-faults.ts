import { send } from '../../src/http/scripted-server.fixture.ts';
import { flood, on, type RegistryFault } from './registry-fault.ts';

const tags = (...names: readonly string[]): string => JSON.stringify({ name: 'app', tags: names });

/** Lists of tags. */
export const listFaults: readonly RegistryFault[] = [
  {
    title: 'has a list of tags that goes round in circles',
    asks: ['tags'],
    says: /tags: .*round in circles/,
    misbehave: on('tags', (_, response) =>
      send(response, 200, tags('1'), { link: '</v2/app/tags/list?n=1>; rel="next"' }),
    ),
  },
  {
    title: 'has a list of tags without an end',
    asks: ['tags'],
    says: /tags: there are more than 200000/,
    misbehave: on('tags', ({ url }, response) => {
      const page = Number(url.searchParams.get('page') ?? 0);
      const names = Array.from({ length: 20_000 }, (_, n) => `${page}-${n}-${'x'.repeat(100)}`);
      send(response, 200, tags(...names), { link: `</v2/app/tags/list?page=${page + 1}>; rel="next"` });
    }),
  },
  {
    title: 'has a list of tags that goes on at no address',
    asks: ['tags'],
    says: /tags: .*names no address where its list goes on/,
    misbehave: on('tags', (_, response) => send(response, 200, tags('1'), { link: '<http://[>; rel="next"' })),
  },
  {
    title: 'has tags that are control characters',
    asks: ['tags'],
    says: /tags: .*no tag/,
    misbehave: on('tags', (_, response) => send(response, 200, tags('fine', '\u001b[2Jgone\u009b1m'))),
  },
  {
    title: 'has a list of tags of 100 MB',
    asks: ['tags'],
    says: /tags: .*more than the allowed 4194304 bytes/,
    misbehave: on('tags', (_, response) => flood(response, ' '.repeat(65_536), 100_000_000)),
  },
  {
    title: 'has a list of tags that is none',
    asks: ['tags'],
    says: /tags: .*tags is not a list/,
    misbehave: on('tags', (_, response) => send(response, 200, '{"tags":{"a":1}}')),
  },
];
