/** The kinds of mutations. Each row looks at one node, and adds the points that it finds there. */

/** The name of the function that is called, or '' when it is called by a pointer. */
export function calleeOf(call) {
  let node = call.inner[0];
  while (node && node.kind !== 'DeclRefExpr') node = node.inner[0];
  return node?.referencedDecl?.name ?? '';
}

const whole = ({ at }, text) => [[at.from, at.to, text]];
const typeOf = (node) =>
  (node.type?.desugaredQualType ?? node.type?.qualType ?? '').replace(/\b(const|volatile) /g, '');
const isPointer = (node) => /[*\]]$/.test(typeOf(node));
const isBool = (node) => /^(_Bool|bool)$/.test(typeOf(node));
const isInteger = (node) => /^((un)?signed |)(char|short|int|long|long long|__int128)( int)?$/.test(typeOf(node));

const COMMENT = /\/\*[^]*?\*\/|\/\/[^\n]*/g;

/** The token between two operands, or null when a macro hides it. */
function operator({ source }, node, text) {
  const [left, right] = node.inner;
  if (!left?.at || !right?.at || node.at.macro) return null;
  const between = source.slice(left.at.to, right.at.from).replace(COMMENT, (comment) => ' '.repeat(comment.length));
  return between.trim() === text ? left.at.to + between.indexOf(text) : null;
}

const COMPARED = { '<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==' };
const COMPUTED = Object.fromEntries(
  [
    '+ -',
    '- +',
    '* /',
    '/ *',
    '% /',
    '<< >>',
    '>> <<',
    '& |',
    '| &',
    '+= -=',
    '-= +=',
    '|= &=',
    '&= |=',
    '<<= >>=',
    '>>= <<=',
  ].map((pair) => pair.split(' ')),
);
const JOINED = { '&&': '||', '||': '&&' };

function binary(node, context) {
  if (node.kind !== 'BinaryOperator' && node.kind !== 'CompoundAssignOperator') return;
  const { opcode } = node;
  const other = COMPARED[opcode] ?? JOINED[opcode] ?? COMPUTED[opcode];
  if (!other || (opcode in COMPUTED && isPointer(node.inner[1]))) return;
  const at = operator(context, node, opcode);
  if (at === null) return;
  const { from, to } = node.at;
  const edits = [[at, at + opcode.length, other]];
  // Parentheses let the mutant read as it acts.
  if (opcode in JOINED || (opcode in COMPUTED && node.kind === 'BinaryOperator')) {
    edits.unshift([from, from, '(']);
    edits.push([to, to, ')']);
  }
  const kind = opcode in COMPARED ? 'comparison' : opcode in JOINED ? 'connective' : 'arithmetic';
  context.add(kind, 'expression', node.at, edits);
}

function negation(node, context) {
  if (node.kind !== 'UnaryOperator' || node.opcode !== '!' || context.source[node.at.from] !== '!') return;
  context.add('condition', 'expression', node.at, [[node.at.from, node.at.from + 1, '!!']]);
}

function literal(node, context) {
  if (node.kind !== 'IntegerLiteral') return;
  const text = context.source.slice(node.at.from, node.at.to);
  if (text === 'true' || text === 'false')
    context.add('constant', 'expression', node.at, whole(node, text === 'true' ? 'false' : 'true'));
  else if (/^PL_[A-Z0-9_]+$/.test(text)) context.add('off by one', 'expression', node.at, whole(node, `(${text} + 1)`));
  else if (/^[0-9]/.test(text)) {
    context.add('off by one', 'expression', node.at, whole(node, `(${text} + 1)`));
    if (node.value !== '0') context.add('off by one', 'expression', node.at, whole(node, `(${text} - 1)`));
  }
}

/** Numbers that are given to a function, returned, or stored: one more, one less. */
function operand(node, context) {
  let values = [];
  if (node.kind === 'CallExpr') values = node.inner.slice(1);
  else if (node.kind === 'ReturnStmt') values = node.inner;
  else if (node.kind === 'BinaryOperator' && node.opcode === '=') values = node.inner.slice(1);
  else if (node.kind === 'CompoundAssignOperator' && '+=-='.includes(node.opcode)) values = node.inner.slice(1);
  else if (node.kind === 'ArraySubscriptExpr') values = node.inner.slice(1);
  for (let value of values) {
    if (!value.at || !isInteger(value) || isBool(value) || isPointer(node)) continue;
    while (value.kind === 'ImplicitCastExpr') value = value.inner[0];
    if (!['DeclRefExpr', 'MemberExpr', 'BinaryOperator', 'CallExpr', 'ParenExpr'].includes(value.kind)) continue;
    if (!isInteger(value) || value.at?.macro !== false || isNamedConstant(value, context)) continue;
    const text = context.source.slice(value.at.from, value.at.to);
    for (const sign of ['+', '-'])
      context.add('off by one', 'expression', value.at, whole(value, `(${text} ${sign} 1)`));
  }
}

const isNamedConstant = (node, { constants }) =>
  node.kind === 'DeclRefExpr' && (constants.get(node.referencedDecl?.id)?.all.length ?? 0) > 1;

function constant(node, context) {
  if (node.kind !== 'DeclRefExpr' || node.referencedDecl?.kind !== 'EnumConstantDecl') return;
  const { name, all } = context.constants.get(node.referencedDecl.id) ?? {};
  if (!name || context.source.slice(node.at.from, node.at.to) !== name) return;
  if (all.length === 1) {
    context.add('off by one', 'expression', node.at, whole(node, `(${name} + 1)`));
    return;
  }
  const at = all.findIndex((c) => c.name === name);
  const different = [...all.slice(at + 1), ...all.slice(0, at)].find((c) => c.value !== all[at].value);
  if (different) context.add('constant', 'expression', node.at, whole(node, different.name));
}

/** Compared with 0, their results do not depend on the order. */
const SYMMETRIC = /^(sodium_memcmp|memcmp|strn?cmp)$/;

/** Two neighbouring arguments of the same type change places. */
function swapped(node, context) {
  if (node.kind !== 'CallExpr' || node.at.macro || SYMMETRIC.test(calleeOf(node))) return;
  const values = node.inner.slice(1);
  values.slice(1).forEach((b, i) => {
    const a = values[i];
    if (!a.at || !b.at || a.at.to > b.at.from || typeOf(a) !== typeOf(b)) return;
    const [textA, textB] = [a, b].map(({ at }) => context.source.slice(at.from, at.to));
    if (textA === textB) return;
    const edits = [
      [a.at.from, a.at.to, textB],
      [b.at.from, b.at.to, textA],
    ];
    context.add('swapped arguments', 'expression', node.at, edits);
  });
}

/** The condition of an if, a loop or ?:. A loop is not made endless. */
export function condition(node, context) {
  const place = { IfStmt: 0, ConditionalOperator: 0, WhileStmt: 0, DoStmt: 1, ForStmt: 2 }[node.kind];
  const test = place === undefined ? null : node.inner[place];
  if (!test?.at || test.at.macro) return;
  const text = context.source.slice(test.at.from, test.at.to);
  const options = node.kind === 'IfStmt' ? [`!(${text})`, 'false', 'true'] : [`!(${text})`];
  for (const option of options) context.add('condition', 'expression', test.at, whole(test, option));
}

export const expressions = [binary, negation, literal, operand, constant, swapped, condition];

/** A statement with its semicolon, or null when that is not plain to see. */
function withSemicolon(node, { source }) {
  const rest = /^\s*;/.exec(source.slice(node.at.to));
  return rest && !node.at.macro ? { from: node.at.from, to: node.at.to + rest[0].length } : null;
}

const isLogging = (text) => /\b\w*_(log|trace)\w*\s*\(/.test(text);

function dropped({ child, last, inFunction }, context) {
  let node = child;
  while (node.kind === 'CStyleCastExpr' && typeOf(node) === 'void') node = node.inner[0];
  const counts = node.kind === 'UnaryOperator' && /^(\+\+|--)$/.test(node.opcode);
  const assigns = (node.kind === 'BinaryOperator' && node.opcode === '=') || node.kind === 'CompoundAssignOperator';
  const leaves = node.kind === 'BreakStmt' || (node.kind === 'ReturnStmt' && !(inFunction && last));
  if (!counts && !assigns && !leaves && node.kind !== 'CallExpr') return;
  const range = withSemicolon(child, context);
  if (!range || isLogging(context.source.slice(range.from, range.to)) || (last && node.kind === 'BreakStmt')) return;
  context.add('dropped statement', 'statement', range, [[range.from, range.to, ';']]);
}

function leaving({ child, loop, inSwitch }, context) {
  const other = { BreakStmt: 'continue;', ContinueStmt: 'break;' }[child.kind];
  const range = other && loop && !inSwitch ? withSemicolon(child, context) : null;
  if (range) context.add('break or continue', 'statement', range, [[range.from, range.to, other]]);
}

export const statements = [dropped, leaving];
