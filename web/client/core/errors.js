/** Errors of the client: codes, texts and hints from schema/errors.def, the same as libpairlink's. */
import { ERROR } from '../wire_table.js';

/** @typedef {Exclude<keyof typeof ERROR, 'OK'>} ErrorCode */

export class PairlinkError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} [detail] more about the cause, for a developer
   */
  constructor(code, detail) {
    super(detail ? `${ERROR[code].text} (${detail})` : ERROR[code].text);
    this.name = 'PairlinkError';
    this.code = code;
    /** What happened, for a person. */
    this.text = ERROR[code].text;
    /** What to do about it; may be empty. */
    this.hint = ERROR[code].hint;
  }
}
