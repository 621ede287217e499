/**
 * Says what a person typed or pasted is: a code, an invite link, an ID, a part of one, or what is wrong with it, as a
 * key of the strings. For a code that is being typed it also says which words go on from here.
 */

const LINK = /https?:\/\/[^\s#]+#[A-Za-z0-9_-]+/gi;
/** As long as the client makes them: words that follow without a gap are no part of it. */
const WHOLE_LINK = /https?:\/\/[^\s#]+#[A-Za-z0-9_-]{114}/gi;
/** As the client reads codes: spaces and hyphens of all kinds between the parts. */
const GAP = /[\s\p{Pd}]+/gu;
const CODE_BEGUN = /^(\d+)(?:[\s\p{Pd}]+([a-z\s\p{Pd}]*))?$/iu;
const CODE_WITHIN = /(?<![\p{L}\p{N}-])(\d{4,7})\p{Pd}([a-z]+\p{Pd}[a-z]+)(?![\p{L}\p{N}]|\p{Pd}[\p{L}\p{N}])/giu;
const ID_CHARS = 54;
const CODE_WORDS = 2;
const NUMBER_CHARS = { min: 4, max: 7 };
const OPTIONS_MAX = 6;

/** Digits of other scripts count as what they are. */
const plainDigits = (text) =>
  text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));

/**
 * @returns {{kind: 'empty'|'part'|'bad'|'link'|'id'|'code', problem?: string, part?: string, id?: string, link?:
 * string,
 *   code?: string, options?: {word: string, text: string}[]}} options: words that fit, and the whole text with each
 */
export function inspect(engine, text) {
  const typed = plainDigits(String(text ?? '').trim());
  if (!typed) return { kind: 'empty' };
  const link = findLink(engine, typed);
  if (link) return inspectLink(engine, link);
  if (/^https?:/i.test(typed) || typed.includes('#')) return { kind: 'bad', problem: 'linkPart' };
  const compact = typed.replace(GAP, '').toLowerCase();
  // An ID may begin with digits too, but does not go on with a gap after them, unless it was copied in groups.
  const code = compact.length < ID_CHARS && (typed.match(CODE_BEGUN) ?? findCode(engine, typed));
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

/** The first link in the text that is whole, also if it was broken into lines; else the first that is not. */
function findLink(engine, text) {
  const joined = text.replace(/\s+/g, '');
  const found = [text.match(WHOLE_LINK), joined.match(WHOLE_LINK), joined.match(LINK), text.match(LINK)].flatMap(
    (links) => links ?? [],
  );
  return found.find((link) => reads(engine, link)) ?? found[0];
}

/** The first code in the text whose words exist; else the first that looks like one. */
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

function reads(engine, link) {
  try {
    return Boolean(engine.lib.parseInviteLink(link));
  } catch {
    return false;
  }
}

function inspectCode(engine, number, rest, ended) {
  const words = rest.toLowerCase().split(GAP).filter(Boolean);
  if (number.length > NUMBER_CHARS.max || (number.length < NUMBER_CHARS.min && (words.length > 0 || ended)))
    return { kind: 'bad', problem: 'codeNumber' };
  if (words.length > CODE_WORDS) return { kind: 'bad', problem: 'codeLong' };
  const begun = words.at(-1) ?? '';
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
  if (words.length === CODE_WORDS && isWord(engine, begun)) return { kind: 'code', code: [number, ...words].join('-') };
  if (words.length === 0)
    return { kind: 'part', problem: 'codeShort', part: number.length < NUMBER_CHARS.min ? undefined : 'codeWords' };
  if (ended || (isWord(engine, begun) && engine.lib.completeWord(begun).length === 1))
    return { kind: 'part', problem: 'codeShort', part: 'codeWord' };
  return {
    kind: 'part',
    problem: 'codeShort',
    part: 'codeLetters',
    options: optionsOf(number, whole, engine.lib.completeWord(begun)),
  };
}

const isWord = (engine, word) => engine.lib.completeWord(word)[0] === word;

/** A text with a word that is not the last ends in a hyphen, so that the next word can follow. */
const optionsOf = (number, before, words) =>
  words
    .slice(0, OPTIONS_MAX)
    .map((word) => ({ word, text: [number, ...before, word].join('-') + (before.length + 1 < CODE_WORDS ? '-' : '') }));

/** Words that begin as the unknown one does. */
function nearby(engine, number, before, word) {
  for (let length = word.length - 1; length >= 2; length -= 1) {
    const fitting = engine.lib.completeWord(word.slice(0, length));
    if (fitting.length > 0) return optionsOf(number, before, fitting);
  }
  return undefined;
}

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
