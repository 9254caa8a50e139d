import { packChangesSuite } from './pack-changes.suite.ts';

packChangesSuite('erofs');
packChangesSuite('directory');
