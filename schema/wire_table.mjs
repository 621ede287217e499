// Turns schema/wire.def and schema/errors.def into web/client/wire_table.js, schema/words.def into web/client/words.js,
// and schema/lookalikes.def into web/client/lookalikes.js, so that C and JavaScript read the same tables.
//   node schema/wire_table.mjs           writes the files
//   node schema/wire_table.mjs --check   exits 1 when a file is not what the tables say
import { readFileSync, writeFileSync } from 'node:fs';

const here = new URL('.', import.meta.url);

/** All macro calls of a .def file, in order: [macro, argument, …]; strings without quotes, numbers as numbers. */
function callsOf(file) {
  const text = readFileSync(new URL(file, here), 'utf8')
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/^#.*$/gm, '');
  const calls = [];
  const call = /\b(PL_\w+)\(((?:[^()"]|"[^"]*")*)\)|(\S)/g;
  for (const [, macro, args, stray] of text.matchAll(call)) {
    if (stray) throw new Error(`${file}: cannot read the table at ${JSON.stringify(stray)}`);
    calls.push([macro, ...argumentsOf(args)]);
  }
  return calls;
}

function argumentsOf(text) {
  return [...text.matchAll(/"([^"]*)"|([^\s,]+)/g)].map(([, string, word]) => {
    if (string !== undefined) return string;
    return /^-?(0x[\da-f]+|\d+)$/i.test(word) ? Number(word) : word;
  });
}

const KINDS = ['U8', 'U16', 'U32', 'U64', 'BYTES', 'VAR8', 'VAR16', 'LIST', 'REST'];

function read() {
  const table = { constants: [], envelopes: [], frames: [], reasons: [], limits: [], extensions: [], labels: [] };
  const into = {
    PL_CONSTANT: table.constants,
    PL_ENVELOPE: table.envelopes,
    PL_FRAME: table.frames,
    PL_REASON: table.reasons,
    PL_LIMIT: table.limits,
    PL_EXTENSION: table.extensions,
    PL_LABEL: table.labels,
  };
  const messages = new Map();
  let open = null;
  for (const [macro, ...args] of callsOf('wire.def')) {
    const kind = macro.slice(3);
    if (macro === 'PL_MESSAGE') messages.set(args[0], (open = []));
    else if (macro === 'PL_MESSAGE_END') open = null;
    else if (open && KINDS.includes(kind)) open.push([kind.toLowerCase(), ...args]);
    else if (into[macro]) into[macro].push(args);
    else throw new Error(`wire.def: ${macro} is not known here`);
  }
  const errors = callsOf('errors.def').map(([, ...args]) => args);
  return { ...table, messages, errors };
}

const LINE = 120;

/** In the quotes that Prettier would choose. */
const quoted = (text) =>
  text.includes("'") && !text.includes('"')
    ? `"${text.replace(/\\/g, '\\$&')}"`
    : `'${text.replace(/['\\]/g, '\\$&')}'`;

/** `before { key: value, … },` as one line, or as one line for each key where that is too long. */
function record(before, properties) {
  const pairs = Object.entries(properties).map(([key, value]) => `${key}: ${value}`);
  const line = `  ${before}{ ${pairs.join(', ')} },`;
  return line.length <= LINE ? line : `  ${before}{\n${pairs.map((pair) => `    ${pair},`).join('\n')}\n  },`;
}

/** `export const NAME = {…}` with one line an entry: [key, value as source, comment]. */
function object(name, type, entries) {
  const lines = entries.map(([key, value, comment]) => `  ${key}: ${value},${comment ? ` // ${comment}` : ''}`);
  return `/** @type {${type}} */\nexport const ${name} = {\n${lines.join('\n')}\n};\n`;
}

/** Keeps the names of the entries in the type, so that a wrong name is an error of tsc. */
function named(name, entries) {
  const lines = entries.map(([key, value, comment]) => `  ${key}: ${value},${comment ? ` // ${comment}` : ''}`);
  return `export const ${name} = /** @type {const} */ ({\n${lines.join('\n')}\n});\n`;
}

/** The fields of a message: one as it is, several with a line for each. */
function list(fields) {
  const items = fields.map((field) => `[${field.map((a) => (typeof a === 'number' ? a : quoted(a))).join(', ')}]`);
  return items.length > 1 ? `[\n${items.map((item) => `    ${item},`).join('\n')}\n  ]` : `[${items.join('')}]`;
}

function write(table) {
  const parts = [
    '// The wire format as JavaScript, made by schema/wire_table.mjs from schema/wire.def and schema/errors.def.\n' +
      '// Not to be edited: change the tables and run `node schema/wire_table.mjs`.\n',
    table.constants.map(([name, value, text]) => `/** ${text} */\nexport const ${name} = ${value};\n`).join(''),
    named(
      'ENVELOPE',
      table.envelopes.map(([name, number, , text]) => [name, number, text]),
    ),
    '/** Largest payload by envelope number. */',
    object(
      'ENVELOPE_MAX',
      'Record<number, number>',
      table.envelopes.map(([, number, max]) => [number, max]),
    ),
    named(
      'FRAME',
      table.frames.map(([name, number, text]) => [name, number, text]),
    ),
    named(
      'REASON',
      table.reasons.map(([name, number]) => [name, number]),
    ),
    '/** What to tell a person, by reason number. */',
    object(
      'REASON_TEXT',
      'Record<number, string>',
      table.reasons.map(([, number, text]) => [number, quoted(text)]),
    ),
    named(
      'LIMIT',
      table.limits.map(([name, number]) => [name, number]),
    ),
    '/** @type {{name: string, id: number, initial: number, minimum: number, maximum: number, text: string}[]} */\n' +
      `export const LIMITS = [\n${table.limits
        .map(([name, id, initial, minimum, maximum, text]) =>
          record('', { name: quoted(name), id, initial, minimum, maximum, text: quoted(text) }),
        )
        .join('\n')}\n];\n`,
    named(
      'EXTENSION',
      table.extensions.map(([name, number, text]) => [name, number, text]),
    ),
    named(
      'LABEL',
      table.labels.map(([name, string]) => [name, quoted(string)]),
    ),
    "/** Fields in order: [kind, field, argument]; the argument is a size, a largest size, or a list's item. */",
    object(
      'MESSAGES',
      'Record<string, [kind: string, field: string, argument?: number | string][]>',
      [...table.messages].map(([name, fields]) => [name, list(fields)]),
    ),
    `export const ERROR = /** @type {const} */ ({\n${table.errors
      .map(([name, number, text, hint]) => record(`${name}: `, { number, text: quoted(text), hint: quoted(hint) }))
      .join('\n')}\n});\n`,
  ];
  return parts.join('\n').replace(/ \*\/\n\/\*\* @type/g, '\n * @type');
}

/** The words, in as many strings as lines of LINE columns need. */
function writeWords(words) {
  const lines = [''];
  for (const word of words) {
    const line = `${lines.at(-1)}${word} `;
    if (line.length + "  '' +".length > LINE) lines.push(`${word} `);
    else lines[lines.length - 1] = line;
  }
  lines.push(lines.pop().trimEnd());
  return (
    '// The words of pairing codes and safety phrases, made by schema/wire_table.mjs from schema/words.def.\n' +
    '// Not to be edited: the words and their order never change.\n\n' +
    `export const WORDS = (\n${lines.map((line) => `  '${line}'`).join(' +\n')}\n).split(' ');\n`
  );
}

/** A string in ASCII alone: what looks alike, or turns the direction of a line, is no text to read. */
const escaped = (text) => quoted(text).replace(/[^ -~]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

/** Pieces of source, joined by `between` into as many lines of LINE columns as they need. */
function wrapped(pieces, between = ', ') {
  const lines = [''];
  for (const piece of pieces) {
    if (`  ${lines.at(-1)}${piece}${between}`.length > LINE) lines.push('');
    lines[lines.length - 1] += `${piece}${between}`;
  }
  return lines.map((line) => `  ${line.trimEnd()}`).join('\n');
}

/** `[text, characters]`, or several of these when one would not fit a line. */
function looksOf(text, all) {
  const pairs = [];
  let characters = '';
  for (const character of all) {
    if (`  [${escaped(text)}, ${escaped(characters + character)}],`.length > LINE) {
      pairs.push([text, characters]);
      characters = '';
    }
    characters += character;
  }
  return [...pairs, [text, characters]].map((pair) => `[${pair.map(escaped).join(', ')}]`);
}

/** Characters that look alike, those of one text together. What follows from NFKD, JavaScript can do itself. */
function writeLooks(calls) {
  const looks = new Map();
  for (const [macro, character, text] of calls)
    if (macro === 'PL_LOOK') looks.set(text, (looks.get(text) ?? '') + String.fromCodePoint(character));
  const dropped = calls.filter(([macro]) => macro === 'PL_LOOK_DROPPED').flatMap(([, first, last]) => [first, last]);
  return (
    '// Characters that look alike, made by schema/wire_table.mjs from schema/lookalikes.def.\n' +
    '// Not to be edited: see schema/lookalikes.py.\n\n' +
    '/** Nothing that tells two names apart: first and last of each range. */\n' +
    `export const DROPPED = [\n${wrapped(dropped)}\n];\n\n` +
    '/** A text and characters that look like it. A text with many of them is here several times.\n' +
    ' * @type {[string, string][]} */\n' +
    `export const LOOKS = [\n${wrapped([...looks].flatMap(([text, all]) => looksOf(text, all)))}\n];\n`
  );
}

const table = read();
const words = callsOf('words.def').map(([, word]) => word);
const [, count] = table.constants.find(([name]) => name === 'WORDS_COUNT');
if (words.length !== count) throw new Error(`words.def: ${words.length} words, and WORDS_COUNT is ${count}`);

for (const [file, wanted] of [
  ['web/client/wire_table.js', write(table)],
  ['web/client/words.js', writeWords(words)],
  ['web/client/lookalikes.js', writeLooks(callsOf('lookalikes.def'))],
]) {
  const target = new URL(`../${file}`, here);
  if (!process.argv.includes('--check')) {
    writeFileSync(target, wanted);
    continue;
  }
  let found = '';
  try {
    found = readFileSync(target, 'utf8');
  } catch {
    // a missing file differs too
  }
  if (found !== wanted) {
    console.error(`${file} differs from schema/*.def: run \`node schema/wire_table.mjs\` and commit it`);
    process.exitCode = 1;
  }
}
