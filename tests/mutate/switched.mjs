/** One build holds all mutants: the copies of the sources choose at run time. */
import { edited } from './choose.mjs';

/** An expression or a statement that is another one when `condition` holds. */
const forms = {
  expression: (condition, now, old) => `(${condition} ? (${now}) : (${old}))`,
  statement: (condition, now, old) => `{ if (${condition}) { ${now} } else { ${old} } }`,
};

/** Mutants that lie in no other one, each with those that lie in it. */
function nested(mutants) {
  const top = [];
  const open = [];
  for (const mutant of [...mutants].sort((a, b) => a.from - b.from || b.to - a.to)) {
    const node = { mutant, inner: [] };
    while (open.length && open.at(-1).mutant.to <= mutant.from) open.pop();
    (open.at(-1)?.inner ?? top).push(node);
    open.push(node);
  }
  return top;
}

function text(source, from, to, nodes, condition) {
  let out = '';
  let at = from;
  for (const { mutant, inner } of nodes) {
    const old = text(source, mutant.from, mutant.to, inner, condition);
    const now = edited(source, mutant, mutant.from, mutant.to);
    out += source.slice(at, mutant.from) + forms[mutant.form](condition(mutant.number), now, old);
    at = mutant.to;
  }
  return out + source.slice(at, to);
}

/**
 * The source with its mutants. They may lie in one another, or be several at one place, but not overlap in part.
 * @param {string} source
 * @param {{number: number, form: string, from: number, to: number, edits: [number, number, string][]}[]} mutants
 * @param {(number: number) => string} condition the expression in C that switches a mutant on
 */
export const switched = (source, mutants, condition) => text(source, 0, source.length, nested(mutants), condition);

/**
 * The source with its random mutants.
 * @param {string} source
 * @param {import('./choose.mjs').Mutant[]} mutants of this source
 * @param {string} header what declares pl_mutant, to be included
 */
export const switchedSource = (source, mutants, header) =>
  `#include "${header}"\n#line 1\n${switched(source, mutants, (number) => `pl_mutant(${number})`)}`;
