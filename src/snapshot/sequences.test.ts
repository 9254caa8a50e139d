import { sequencesSuite } from './sequences.suite.ts';

sequencesSuite('erofs');
sequencesSuite('directory');
