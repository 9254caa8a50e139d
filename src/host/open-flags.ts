const arm = process.arch === 'arm64';

/** The flags of open(2) on x86-64 and arm64, which differ in two. */
export const openFlag = {
  readOnly: 0,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  noctty: 0o400,
  nonblock: 0o4000,
  cloexec: 0o2000000,
  /** Only names a thing: a FIFO does not wait, a device does not act. */
  path: 0o10000000,
  directory: arm ? 0o40000 : 0o200000,
  nofollow: arm ? 0o100000 : 0o400000,
} as const;
