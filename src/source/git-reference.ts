/**
 * A git repository, and what of it is meant: the text of an ADD or of a build context, taken apart.
 *
 * Forms: `https://host/path.git`, `http://…`, `ssh://…`, `git://…`, `user@host:path`, and `github.com/owner/name`; behind
 * it `#ref:subdir`, or `?ref=&tag=&branch=&commit=&checksum=&subdir=&keep-git-dir=&submodules=`, or both where they agree.
 */
export interface GitReference {
  /** What git is told to fetch from: without query and fragment, with the credentials that the text has. */
  readonly remote: string;
  /** Name of the repository: `bar` of `https://host/foo/bar.git`. */
  readonly name: string;
  /** A branch, a tag, a full name (`refs/…`) or a whole commit ID; the default branch where it is undefined. */
  readonly ref: string | undefined;
  /** Beginning of the ID that the commit, or its annotated tag, must have. */
  readonly checksum: string | undefined;
  /** Path in the repository. */
  readonly subdir: string | undefined;
  /** Whether `.git` stays; undefined where the text does not say. */
  readonly keepGitDir: boolean | undefined;
  /** Whether submodules are fetched, which is so unless the text says no. */
  readonly submodules: boolean | undefined;
  /** True of `github.com/…`: it may as well be a folder, and is meant for build contexts only. */
  readonly isShorthand: boolean;
}
