/** Says why a text cannot be used. Thrown and caught within one call: it never leaves this module. */
export class Refusal extends Error {}
