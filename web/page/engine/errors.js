/** Whatever was thrown, as an error; each field may be missing. @param {unknown} thrown */
export const asError = (thrown) =>
  /** @type {Omit<Partial<Error>, 'code'> & {code?: string | number, problem?: string}} */ (thrown ?? {});

/** The code of a PairlinkError, or the name of any other error. @param {unknown} thrown */
export function codeOf(thrown) {
  const { code, name } = asError(thrown);
  return typeof code === 'string' ? code : (name ?? 'Error'); // a DOMException's `code` is a number of an old list
}
