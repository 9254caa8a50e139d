/** Without what stands for the place of the Dockerfile on one machine. */
export function slotAnywhere(slot: string): string {
  return slot.slice(slot.indexOf('/') + 1);
}
