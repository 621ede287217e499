/**
 * Where a C file can be mutated, and how. A point replaces an expression by another one (`expression`) or a statement
 * by another one or none (`statement`). Static initialisers, case labels, assertions, sizeof, bodies of macros and what
 * is only logged are left alone.
 */
import { readSource, syntaxTree } from './ast.mjs';
import * as kinds from './kinds.mjs';

/**
 * @typedef {object} Point
 * @property {string} file
 * @property {string} name the function that it is in
 * @property {string} kind the row of kinds.mjs
 * @property {'expression' | 'statement'} form
 * @property {number} from
 * @property {number} to
 * @property {[number, number, string][]} edits what replaces which parts of from … to, in order
 */

const LOGGED = /(^|_)(log|trace|debug)(_|$)/;
const SKIPPED = new Set(['StaticAssertDecl', 'UnaryExprOrTypeTraitExpr', 'OffsetOfExpr', 'EnumDecl', 'RecordDecl']);
const LOOPS = new Set(['ForStmt', 'WhileStmt', 'DoStmt']);

const isSkipped = (node) =>
  SKIPPED.has(node.kind) ||
  (node.kind === 'VarDecl' && node.storageClass === 'static') ||
  (node.kind === 'CallExpr' && LOGGED.test(kinds.calleeOf(node)));

/** The places of a node at which statements stand, each with what is around it. */
function statementsOf(node, around) {
  const { inner } = node;
  switch (node.kind) {
    case 'CompoundStmt':
      return inner.map((child, i) => ({ child, last: i === inner.length - 1, ...around }));
    case 'IfStmt':
      return inner.slice(1).map((child) => ({ child, ...around, inFunction: false }));
    case 'CaseStmt':
    case 'DefaultStmt':
      return inner.slice(-1).map((child) => ({ child, ...around, inFunction: false }));
    case 'ForStmt':
    case 'WhileStmt':
      return [{ child: inner.at(-1), loop: true, inSwitch: false }];
    case 'DoStmt':
      return [{ child: inner[0], loop: true, inSwitch: false }];
    default:
      return [];
  }
}

/** The constants of an enumeration, with their values. */
function constantsOf(enumeration) {
  let value = -1n;
  return enumeration.inner
    .filter(({ kind }) => kind === 'EnumConstantDecl')
    .map(({ id, name, inner }) => {
      const given = inner.find((node) => node.value !== undefined)?.value;
      value = given === undefined ? value + 1n : BigInt(given);
      return { id, name, value };
    });
}

/** The constants of each enumeration, by the ID of any of them. */
function enumerations(tree) {
  const known = new Map();
  for (const node of tree.inner.filter(({ kind }) => kind === 'EnumDecl')) {
    const all = constantsOf(node);
    for (const { id, name } of all) known.set(id, { name, all });
  }
  return known;
}

function visitFunction(definition, context) {
  const visit = (node, around) => {
    if (!node.kind || isSkipped(node)) return;
    if (node.at && !LOOPS.has(node.kind)) for (const row of kinds.expressions) row(node, context);
    if (node.at && LOOPS.has(node.kind)) kinds.condition(node, context);
    const places = statementsOf(node, around);
    for (const place of places) if (place.child.at) for (const row of kinds.statements) row(place, context);
    const label = node.kind === 'CaseStmt' ? node.inner[0] : null;
    const step = node.kind === 'ForStmt' ? node.inner[3] : null; // without it the loop does not end
    for (const child of node.inner) {
      if (child === label || child === step) continue;
      const place = places.find((p) => p.child === child);
      visit(child, {
        inFunction: false,
        loop: place ? Boolean(place.loop) : around.loop,
        inSwitch: node.kind === 'SwitchStmt' || Boolean(place ? place.inSwitch : around.inSwitch),
      });
    }
  };
  const body = definition.inner.find((child) => child.kind === 'CompoundStmt');
  if (body) visit(body, { inFunction: true, loop: false, inSwitch: false });
}

/**
 * All points of a file, in the order of the source.
 * @param {string} path absolute
 * @param {string} file its name in results
 * @param {string[]} flags of the compiler
 * @returns {Point[]}
 */
export function pointsOf(path, file, flags) {
  const source = readSource(path);
  const tree = syntaxTree(path, flags);
  const points = new Map();
  const constants = enumerations(tree);
  for (const definition of tree.inner.filter((node) => node.kind === 'FunctionDecl' && node.at)) {
    const add = (kind, form, { from, to }, edits) => {
      const key = JSON.stringify([from, to, edits]);
      if (!points.has(key)) points.set(key, { file, name: definition.name, kind, form, from, to, edits });
    };
    visitFunction(definition, { source, constants, add });
  }
  return [...points.values()].sort((a, b) => a.from - b.from || b.to - a.to);
}
