import { packedEntriesSuite } from './packed-entries.suite.ts';

packedEntriesSuite('erofs');
packedEntriesSuite('directory');
