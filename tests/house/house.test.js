/** The checks of the house can fail: each finds the one fault of a small tree. check.mjs applies them to the real one. */
import { describe, expect, test } from 'vitest';
import { checkDrawing } from './drawing.mjs';
import { checkCalls, checkIncludes, checkLayers, checkPure, checkUnused } from './includes.mjs';
import { checkNames, functionsOf } from './names.mjs';
import { checkErrors, checkWire } from './tables.mjs';
import { checkBanners, checkDocuments } from './text.mjs';

/** @param {Record<string, string>} files @returns {import('./sources.mjs').Tree} */
const treeOf = (files) => ({
  list: () => Object.keys(files),
  read: (path) => files[path],
  has: (path) => path in files,
});

const ROOMS = {
  'client/core/base': { pure: true, may: [] },
  'relay/core': { pure: true, libraries: ['sodium'], may: ['client/core/base'] },
  'relay/shell': { libraries: ['uv'], may: ['relay/core/relay.h'] },
};

const SOUND = {
  'client/core/base/base.h': '#include <stdint.h>\n',
  'relay/core/relay.h': '#include <sodium.h>\n#include "../../client/core/base/base.h"\n',
  'relay/core/queue.h': '',
  'relay/shell/main.c': '#include <uv.h>\n#include <sys/socket.h>\n#include "../core/relay.h"\n',
};

const DRAWING = `<!-- drawing: rooms -->
\`\`\`mermaid
flowchart TD
    subgraph shared["shared"]
        base["client/core/base"]
    end
    core["relay/core"]
    shell["relay/shell"]
    shell --> core
    core --> base
\`\`\`
`;

test('a sound tree has no problems', () => {
  const tree = treeOf(SOUND);
  expect(
    [checkIncludes, checkUnused, checkLayers, checkCalls, checkPure].flatMap((check) => check(tree, ROOMS)),
  ).toEqual([]);
});

describe('includes', () => {
  const faults = {
    'a room above': ['relay/core/a.c', '#include "../shell/main.h"', { 'relay/shell/main.h': '' }],
    'a file that is not permitted': ['relay/shell/a.c', '#include "../core/queue.h"', {}],
    'a header of the outside world in a pure room': ['relay/core/a.c', '#include <sys/socket.h>', {}],
    'a library that the table does not name': ['relay/shell/a.c', '#include <libwebsockets.h>', {}],
    'a file of no room': ['relay/new/a.c', '', {}],
    'a header that does not exist': ['relay/core/a.c', '#include "nothing.h"', {}],
  };
  for (const [name, [path, text, more]] of Object.entries(faults))
    test(name, () => {
      const problems = checkIncludes(treeOf({ ...SOUND, ...more, [path]: text }), ROOMS);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(path);
    });

  test('an include in a comment does not count', () => {
    const tree = treeOf({ ...SOUND, 'relay/core/a.c': '/*\n#include <uv.h>\n*/\n// #include <uv.h>\n' });
    expect(checkIncludes(tree, ROOMS)).toEqual([]);
  });

  test('a permission that nothing uses', () => {
    const problems = checkUnused(treeOf({ ...SOUND, 'relay/shell/main.c': '#include <uv.h>\n' }), ROOMS);
    expect(problems).toEqual(['tests/house/rooms.mjs: relay/shell may include relay/core/relay.h, and does not']);
  });
});

describe('the order inside a room', () => {
  const files = {
    'relay/core/a.h': '',
    'relay/core/a.c': '',
    'relay/core/b.c': '#include "a.h"',
    'relay/core/b.h': '',
  };
  const inOrder = (layers, more = {}) => checkLayers(treeOf({ ...files, ...more }), { 'relay/core': { layers } });

  test('a module includes what stands before it', () => {
    expect(
      inOrder([
        ['low', 'a'],
        ['high', 'b'],
      ]),
    ).toEqual([]);
    expect(inOrder([['one', 'a b']])).toEqual([]);
    expect(
      inOrder([
        ['low', 'b'],
        ['high', 'a'],
      ]),
    ).toHaveLength(1);
    expect(inOrder([['one', 'b a']])).toHaveLength(1);
  });

  test('a header can stand below its source', () => {
    const more = { 'relay/core/a.c': '#include "b.h"' };
    expect(inOrder([['one', 'a b']], more)).toHaveLength(1);
    expect(inOrder([['one', 'a.h b a.c']], more)).toEqual([]);
  });

  test('a file calls what stands before it, whichever header declares it', () => {
    const tree = treeOf({
      ...files,
      'relay/core/a.c': 'void a_one(void) {\n  b_two();\n  at.b_two(at->b_two);\n}\n',
      'relay/core/b.c': 'static void a_own(void) {\n}\nvoid b_two(void) {\n  a_one();\n}\n',
    });
    const problems = checkCalls(tree, { 'relay/core': { layers: [['one', 'a b']] } });
    expect(problems).toEqual(['relay/core/a.c:2: stands below relay/core/b.c and must not use its b_two']);
    expect(checkCalls(tree, { 'relay/core': { layers: [['one', 'a.h b a.c']] } })).toHaveLength(1);
  });

  test('each file stands in a layer, and each name is a file', () => {
    expect(inOrder([['one', 'a']])).toHaveLength(2);
    expect(inOrder([['one', 'a b c']])).toEqual(['tests/house/rooms.mjs: relay/core has no file for c']);
  });

  test('without layers there is no circle', () => {
    const tree = treeOf({ ...files, 'relay/core/a.h': '#include "b.h"' });
    expect(checkLayers(tree, { 'relay/core': {} })).toEqual(['relay/core: includes in a circle: a → b → a']);
    expect(checkLayers(tree, { 'relay/core': { circles: true } })).toEqual([]);
  });
});

describe('pure rooms', () => {
  test('call nothing of the outside world', () => {
    const text = 'x = clock_gettime(c);\n/* rand() */ y = my_rand() + list.time(2);\nputs("rand()");\n';
    const problems = checkPure(treeOf({ 'relay/core/a.c': text }), ROOMS);
    expect(problems.map((problem) => problem.split(' ').at(-1))).toEqual(['clock_gettime', 'puts']);
  });

  test('name nothing of the platform in JavaScript', () => {
    const text = "const a = { process: 1 };\na.document = 'fetch()';\nsetTimeout(f);\nconst at = Date.now();\n";
    const problems = checkPure(treeOf({ 'web/client/core/a.js': text }), { 'web/client/core': { pure: true } });
    expect(problems.map((problem) => problem.split(' ').at(-1))).toEqual(['setTimeout', 'Date']);
  });
});

describe('the drawing', () => {
  const check = (drawing) =>
    checkDrawing(treeOf({ ...SOUND, 'docs/architecture.md': drawing }), ROOMS, ['client/core/base']);

  test('agrees with the sources', () => expect(check(DRAWING)).toEqual([]));

  const faults = {
    'an arrow that is no include': ['    core --> base', '    core --> base\n    shell --> base'],
    'a missing arrow': ['    shell --> core\n', ''],
    'a missing room': ['    shell["relay/shell"]\n    shell --> core\n', ''],
    'a room that does not exist': ['    core --> base', '    core --> base\n    more["relay/more"]'],
    'an arrow to no box': ['    core --> base', '    core --> base\n    core --> nowhere'],
    'shared rooms apart': ['    subgraph shared["shared"]\n', ''],
    'no drawing': ['mermaid', 'text'],
  };
  for (const [name, [before, after]] of Object.entries(faults))
    test(name, () => {
      expect(DRAWING).toContain(before);
      expect(check(DRAWING.replace(before, after))).not.toEqual([]);
    });
});

describe('banners', () => {
  const dashes = '-'.repeat(100);
  const banners = (...lines) => checkBanners(treeOf({ 'relay/core/a.c': lines.join('\n') }));

  test('of one line are right', () => {
    expect(banners(`/* ---- title ${dashes} */`, `// ---- title ${dashes}`, `# ---- title ${dashes}`)).toEqual([]);
  });

  test('that are too long or broken', () => {
    expect(banners(`/* ---- ${dashes} title ${dashes} */`)).toHaveLength(1);
    expect(banners(`/* ---- title ${dashes}`, ' */')).toHaveLength(1);
    expect(banners('/* ---- a long title', ` * ${dashes} */`)).toHaveLength(2);
    expect(banners('// ---- title', `// ${dashes}`)).toHaveLength(1);
  });

  test('are not options, rules or numbers', () => {
    expect(banners('x = a----b;', 'f("--------");', '/* a -- b */', '// see --limit')).toEqual([]);
  });
});

describe('documents', () => {
  const word = 'word '.repeat(30);
  const problems = (text) => checkDocuments(treeOf({ 'docs/a.md': text }));

  test('a long line holds one sentence', () => {
    expect(problems(`One ${word}end. Two.`)).toHaveLength(1);
    expect(problems(`One ${word}end.`)).toEqual([]);
    expect(problems('One. Two. Three.')).toEqual([]);
  });

  test('addresses of links and blocks of code do not count', () => {
    expect(problems(`One. Two [three](https://example.org/${'x'.repeat(120)}).`)).toEqual([]);
    expect(problems(`\`\`\`\nOne ${word}end. Two.\n\`\`\``)).toEqual([]);
  });

  test('a cell of a table is a phrase', () => {
    expect(problems(`| a | ${word}${word} |`)).toHaveLength(1);
    expect(problems(`| ${word} | ${word} |`)).toEqual([]);
  });
});

describe('names of functions', () => {
  test('are found in definitions', () => {
    const text = `#define A(x) { x }
struct s {
  int (*call)(int);
};
static const int numbers[] = {1};
int declared(int a);
static void one(void) {
}
static pl_view *
two(int (*f)(int),
    int b) {
}
static __attribute__((noreturn)) void three(int a) {
}
/* static void no(void) { */
int main(void) {
}
`;
    expect(functionsOf(text)).toEqual(['one', 'two', 'three']);
  });

  test('stand in one file', () => {
    const files = { 'relay/core/a.c': 'static int parse(void) {\n}', 'client/cli/b.c': 'static int parse(int a) {\n}' };
    expect(checkNames(treeOf(files))).toEqual(['relay/core/a.c: parse is defined in client/cli/b.c too']);
    expect(checkNames(treeOf({ ...files, 'client/cli/b.c': 'static int read_b(void) {\n}' }))).toEqual([]);
  });
});

describe('tables', () => {
  const files = {
    'schema/errors.def': '#define PL_ERROR(name, number)\nPL_ERROR(OK, 0)\nPL_ERROR(EIO, -1)\n',
    'client/include/pairlink.h': 'PAIRLINK_OK, PAIRLINK_EIO',
    'docs/embedding.md': '| `PAIRLINK_EIO` | -1 |',
    'client/cli/exit.c':
      'int exit_code_of(int error) {\n  switch (error) {\n    case PAIRLINK_OK:\n    case PAIRLINK_EIO:\n  }\n}\n',
    'schema/wire.def': 'PL_ENVELOPE(PING, 5)\nPL_FRAME(ACK, 1)\nPL_REASON(GONE, 2)\n',
    'docs/protocol.md': 'PING, ACK, GONE',
  };
  const without = (path, word) => treeOf({ ...files, [path]: files[path].replace(word, '') });

  test('an error is in the header, in the documents and has an exit code', () => {
    expect(checkErrors(treeOf(files))).toEqual([]);
    expect(checkErrors(without('client/include/pairlink.h', 'PAIRLINK_EIO'))).toHaveLength(1);
    expect(checkErrors(without('docs/embedding.md', 'PAIRLINK_EIO'))).toHaveLength(1);
    expect(checkErrors(without('client/cli/exit.c', 'case PAIRLINK_EIO:'))).toEqual([
      'schema/errors.def: EIO is missing in the exit codes of client/cli',
    ]);
    expect(checkErrors(without('client/cli/exit.c', 'exit_code_of'))).toHaveLength(1);
  });

  test('an envelope, a frame and a reason are in the specification', () => {
    expect(checkWire(treeOf(files))).toEqual([]);
    expect(checkWire(without('docs/protocol.md', 'PING'))).toHaveLength(1);
    expect(checkWire(without('docs/protocol.md', 'ACK'))).toHaveLength(1);
    expect(checkWire(without('docs/protocol.md', 'GONE'))).toHaveLength(1);
  });
});
