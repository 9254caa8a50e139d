import { snapshotterSuite } from './snapshotter.suite.ts';

snapshotterSuite('erofs');
snapshotterSuite('directory');
