/**
 * Fields of records that several engines of one profile hold in memory. Each engine stores the fields that it has
 * changed, and takes over those that others have: so none writes back what it read long ago.
 */

/**
 * Returns the fields of `record` that are not what they are in `before`; a field that `record` lacks is undefined.
 * @template {object} T @param {T} record @param {Partial<T>} before @returns {Partial<T>}
 */
export function changedFields(record, before) {
  /** @type {Partial<T>} */
  const changed = {};
  for (const field of /** @type {(keyof T)[]} */ (Object.keys({ ...before, ...record })))
    if (!Object.is(record[field], before[field])) changed[field] = record[field];
  return changed;
}

/**
 * Sets fields of a record and removes those that are undefined. Returns the record.
 * @template {object} T @param {T} record @param {Partial<T>} fields @returns {T}
 */
export function setFields(record, fields) {
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined) delete record[/** @type {keyof T} */ (field)];
    else record[/** @type {keyof T} */ (field)] = value;
  }
  return record;
}

/**
 * Returns what both have made of `before`; where both have changed a field, what is here.
 * @template {object} T @param {Partial<T>} before @param {T} here @param {T} there @returns {T}
 */
export const bothOf = (before, here, there) => setFields({ ...there }, changedFields(here, before));

/**
 * @template T
 * @typedef {object} Change
 * @property {string} key of the record
 * @property {Partial<T>} fields undefined: removed
 * @property {boolean} made whether the record is new; another engine may have deleted one that is not
 */

/**
 * Returns what a change makes of the record that is there, or undefined if it was deleted meanwhile.
 * @template {object} T @param {T | undefined} record @param {Change<T>} change @returns {T | undefined}
 */
export const changedRecord = (record, { fields, made }) =>
  record || made ? setFields(/** @type {T} */ ({ ...record }), fields) : undefined;
