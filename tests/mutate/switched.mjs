/** One build holds all mutants: the copies of the sources choose at run time. */
import { edited } from './choose.mjs';

/** An expression or a statement that is another one when `condition` holds. */
export const switchedExpression = (condition, now, old) => `(${condition} ? (${now}) : (${old}))`;
export const switchedStatement = (condition, now, old) => `{ if (${condition}) { ${now} } else { ${old} } }`;

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

function text(source, from, to, nodes) {
  let out = '';
  let at = from;
  for (const { mutant, inner } of nodes) {
    const old = text(source, mutant.from, mutant.to, inner);
    const now = edited(source, mutant, mutant.from, mutant.to);
    const form = mutant.form === 'statement' ? switchedStatement : switchedExpression;
    out += source.slice(at, mutant.from) + form(`pl_mutant(${mutant.number})`, now, old);
    at = mutant.to;
  }
  return out + source.slice(at, to);
}

/**
 * The source with its mutants.
 * @param {string} source
 * @param {import('./choose.mjs').Mutant[]} mutants of this source
 * @param {string} header what declares pl_mutant, to be included
 */
export function switchedSource(source, mutants, header) {
  return `#include "${header}"\n#line 1\n${text(source, 0, source.length, nested(mutants))}`;
}
