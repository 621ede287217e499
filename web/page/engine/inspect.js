/**
 * Determines what a person typed or pasted: a code, an invite link, an ID, part of one of these, or something wrong;
 * the problem is a key of the strings. For a code that is still being typed, it also returns the words that can follow.
 */

const LINK = /https?:\/\/[^\s#]+#[A-Za-z0-9_-]+/gi;
/** A link of the length that the client makes: text that follows without a gap does not belong to it. */
const WHOLE_LINK = /https?:\/\/[^\s#]+#[A-Za-z0-9_-]{114}/gi;
/** What the client accepts between the parts of a code: spaces, and hyphens of all kinds. */
const GAP = /[\s\p{Pd}]+/gu;
const CODE_START = /^(\d+)(?:[\s\p{Pd}]+([a-z\s\p{Pd}]*))?$/iu;
const CODE_WITHIN = /(?<![\p{L}\p{N}-])(\d{4,7})\p{Pd}([a-z]+\p{Pd}[a-z]+)(?![\p{L}\p{N}]|\p{Pd}[\p{L}\p{N}])/giu;
const ID_CHARS = 54;
const CODE_WORDS = 2;
const NUMBER_CHARS = { min: 4, max: 7 };
const OPTIONS_MAX = 6;

/** Replaces Arabic and Persian digits by ASCII ones. @param {string} text */
const plainDigits = (text) =>
  text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));

/** @typedef {Pick<import('./types.js').Engine, 'lib'> & {me: {id: string}, server: {pinned: string | null}}} Engine */
/** @typedef {{word: string, text: string}} Option a word that fits, and the whole text with it */

/**
 * @typedef {object} Found
 * @property {'empty' | 'part' | 'bad' | 'link' | 'id' | 'code'} kind
 * @property {string} [problem]
 * @property {string} [part]
 * @property {string} [id]
 * @property {string} [link]
 * @property {string} [code]
 * @property {Option[]} [options]
 */

/** @param {Engine} engine @param {string} text @returns {Found} */
export function inspect(engine, text) {
  const typed = plainDigits(String(text ?? '').trim());
  if (!typed) return { kind: 'empty' };
  const link = findLink(engine, typed);
  if (link) return inspectLink(engine, link);
  if (/^https?:/i.test(typed) || typed.includes('#')) return { kind: 'bad', problem: 'linkPart' };
  const compact = typed.replace(GAP, '').toLowerCase();
  // An ID may begin with digits too, but has no gap after them, unless it was copied in groups.
  const code = compact.length < ID_CHARS && (typed.match(CODE_START) ?? findCode(engine, typed));
  if (code) return inspectCode(engine, code[1], code[2] ?? '', /[\s\p{Pd}]$/u.test(text));
  if (
    /[\s\p{Pd}]/u.test(typed) &&
    typed
      .toLowerCase()
      .split(GAP)
      .every((word) => isWord(engine, word))
  )
    return { kind: 'bad', problem: 'codeBegin' };
  return inspectId(engine, compact);
}

/**
 * Returns the first complete link in the text, even if it was broken into lines; else the first incomplete one.
 * @param {Engine} engine @param {string} text
 */
function findLink(engine, text) {
  const joined = text.replace(/\s+/g, '');
  const found = [text.match(WHOLE_LINK), joined.match(WHOLE_LINK), joined.match(LINK), text.match(LINK)].flatMap(
    (links) => links ?? [],
  );
  return found.find((link) => reads(engine, link)) ?? found[0];
}

/**
 * Returns the first code in the text whose words exist; else the first that looks like one.
 * @param {Engine} engine @param {string} text
 */
function findCode(engine, text) {
  const found = [...text.matchAll(CODE_WITHIN)];
  return (
    found.find(([, , words]) =>
      words
        .toLowerCase()
        .split(GAP)
        .every((word) => isWord(engine, word)),
    ) ?? found[0]
  );
}

/** @param {Engine} engine @param {string} link */
function reads(engine, link) {
  try {
    return Boolean(engine.lib.parseInviteLink(link));
  } catch {
    return false;
  }
}

/**
 * @param {Engine} engine @param {string} number @param {string} rest @param {boolean} ended a gap follows
 * @returns {Found}
 */
function inspectCode(engine, number, rest, ended) {
  const words = rest.toLowerCase().split(GAP).filter(Boolean);
  if (number.length > NUMBER_CHARS.max || (number.length < NUMBER_CHARS.min && (words.length > 0 || ended)))
    return { kind: 'bad', problem: 'codeNumber' };
  if (words.length > CODE_WORDS) return { kind: 'bad', problem: 'codeLong' };
  const partial = words.at(-1) ?? '';
  const whole = words.slice(0, -1);
  const unknown = words.findIndex(
    (word, index) =>
      !isWord(engine, word) && (index < words.length - 1 || ended || engine.lib.completeWord(word).length === 0),
  );
  if (unknown >= 0)
    return {
      kind: 'bad',
      problem: 'codeUnknown',
      options: nearby(engine, number, words.slice(0, unknown), words[unknown]),
    };
  if (words.length === CODE_WORDS && isWord(engine, partial))
    return { kind: 'code', code: [number, ...words].join('-') };
  if (words.length === 0)
    return { kind: 'part', problem: 'codeShort', part: number.length < NUMBER_CHARS.min ? undefined : 'codeWords' };
  if (ended || (isWord(engine, partial) && engine.lib.completeWord(partial).length === 1))
    return { kind: 'part', problem: 'codeShort', part: 'codeWord' };
  return {
    kind: 'part',
    problem: 'codeShort',
    part: 'codeLetters',
    options: optionsOf(number, whole, engine.lib.completeWord(partial)),
  };
}

/** @param {Engine} engine @param {string} word */
const isWord = (engine, word) => engine.lib.completeWord(word)[0] === word;

/**
 * Unless the word is the last, the text ends in a hyphen, so that the next word can follow.
 * @param {string} number @param {string[]} before @param {string[]} words @returns {Option[]}
 */
const optionsOf = (number, before, words) =>
  words
    .slice(0, OPTIONS_MAX)
    .map((word) => ({ word, text: [number, ...before, word].join('-') + (before.length + 1 < CODE_WORDS ? '-' : '') }));

/**
 * Returns words that begin like the unknown one.
 * @param {Engine} engine @param {string} number @param {string[]} before @param {string} word
 */
function nearby(engine, number, before, word) {
  for (let length = word.length - 1; length >= 2; length -= 1) {
    const fitting = engine.lib.completeWord(word.slice(0, length));
    if (fitting.length > 0) return optionsOf(number, before, fitting);
  }
  return undefined;
}

/** @param {Engine} engine @param {string} link @returns {Found} */
function inspectLink(engine, link) {
  let parsed;
  try {
    parsed = engine.lib.parseInviteLink(link);
  } catch {
    return { kind: 'bad', problem: 'linkBroken' };
  }
  if (parsed.id === engine.me.id) return { kind: 'bad', problem: 'own' };
  const { pinned } = engine.server;
  if (pinned && parsed.relayId && parsed.relayId !== pinned) return { kind: 'bad', problem: 'otherServer' };
  return { kind: 'link', id: parsed.id, link };
}

/** @param {Engine} engine @param {string} id @returns {Found} */
function inspectId(engine, id) {
  if (/[^a-z2-7]/.test(id)) return { kind: 'bad', problem: 'notAnId' };
  if (id.length < ID_CHARS) return { kind: 'part', problem: 'idShort' };
  if (id.length > ID_CHARS) return { kind: 'bad', problem: 'idLong' };
  try {
    engine.lib.parseId(id);
  } catch {
    return { kind: 'bad', problem: 'idTypo' };
  }
  if (id === engine.me.id) return { kind: 'bad', problem: 'own' };
  return { kind: 'id', id };
}
