/** Whatever was thrown, as an error; each field may be missing. @param {unknown} thrown */
export const asError = (thrown) =>
  /** @type {Omit<Partial<Error>, 'code'> & {code?: string | number, problem?: string}} */ (thrown ?? {});

/** Something could not be stored: the browser is out of space, or its database is damaged. */
export class UnsavedError extends Error {
  code = 'EUNSAVED';
  /** @param {unknown} cause its name and message stay, by which the code that stores tells the causes apart */
  constructor(cause) {
    super(asError(cause).message ?? String(cause), { cause });
    this.name = asError(cause).name ?? 'Error';
  }
}

/** The code of a PairlinkError, or the name of any other error. @param {unknown} thrown */
export function codeOf(thrown) {
  const { code, name } = asError(thrown);
  return typeof code === 'string' ? code : (name ?? 'Error'); // a DOMException's `code` is a number of an old list
}
