/** What the tables of schema name, other places must name too. Each check returns a list of problems. */
import { code } from './sources.mjs';

const EXIT_CODES = /^int \w*exit_code\w*\(int error\) \{([^]*?)^\}/m;

/** The first arguments of all calls of a macro in a table. */
export const namesIn = (text, macro) =>
  [...code(text).matchAll(new RegExp(`^${macro}\\((\\w+)`, 'gm'))].map(([, name]) => name);

/** Every error is in the public header and in the documents, and the command line has an exit code for it. */
export function checkErrors(tree) {
  const header = tree.read('client/include/pairlink.h');
  const document = tree.read('docs/embedding.md');
  const switches = tree
    .list()
    .filter((path) => /^client\/cli\/.*\.c$/.test(path))
    .flatMap((path) => EXIT_CODES.exec(tree.read(path))?.[1] ?? []);
  if (switches.length !== 1) return [`client/cli: ${switches.length} functions give the exit code of an error`];
  return namesIn(tree.read('schema/errors.def'), 'PL_ERROR').flatMap((name) => {
    const missing = (where) => `schema/errors.def: ${name} is missing in ${where}`;
    const word = new RegExp(`\\bPAIRLINK_${name}\\b`);
    return [
      word.test(header) ? [] : missing('client/include/pairlink.h'),
      word.test(document) || name === 'OK' ? [] : missing('docs/embedding.md'),
      switches[0].includes(`case PAIRLINK_${name}:`) ? [] : missing('the exit codes of client/cli'),
    ].flat();
  });
}

/** Every envelope, frame, reason and announced limit is in the specification. */
export function checkWire(tree) {
  const document = tree.read('docs/protocol.md');
  const table = tree.read('schema/wire.def');
  return ['PL_ENVELOPE', 'PL_FRAME', 'PL_REASON', 'PL_LIMIT']
    .flatMap((macro) => namesIn(table, macro))
    .filter((name) => !new RegExp(`\\b${name}\\b`).test(document))
    .map((name) => `schema/wire.def: ${name} is missing in docs/protocol.md`);
}
