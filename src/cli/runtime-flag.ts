import { text } from './flags.ts';

/** Of the program, and of the verbs that start containers. */
export const runtimeFlag = text(
  'What runs containers: crun, runc or the path of one (default: crun where it works, or $VARVE_RUNTIME)',
  {
    placeholder: 'name',
  },
);
