/** A mount that is of one form before its content was made and after; `C` is what is known of the content. */
export type ContentMount<C> =
  | {
      readonly kind: 'bind';
      readonly target: string;
      /** False: it can be written to, and what is written is lost. */
      readonly readOnly: boolean;
      readonly content: C;
    }
  | ({
      readonly kind: 'cache';
      readonly target: string;
      readonly readOnly: boolean;
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      /** What a fresh one begins with. */
      readonly seed: C | undefined;
    } & Ownership)
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly readOnly: boolean;
      readonly sizeBytes: number | undefined;
    };

/** Whose a mount's file or folder is in the container. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}
