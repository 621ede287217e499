/** How sources and documents look as text. Each check returns a list of problems. */

const WIDTH = 120;
const CELL = 160;

/**
 * A section banner is one line: `/* ---- title ---- *\/`, `// ---- title ----`, `# ---- title ----`. A formatter or an
 * editor that wraps one leaves its title or its dashes on a line of their own.
 */
export function checkBanners(tree) {
  const problems = [];
  const sources = tree
    .list()
    .filter((path) => /\.(c|h|js|mjs|jsx|def|css|py|cmake)$|CMakeLists\.txt$|^dev$/.test(path));
  for (const path of sources) {
    tree
      .read(path)
      .split('\n')
      .forEach((line, i) => {
        const say = (text) => problems.push(`${path}:${i + 1}: ${text}`);
        if (/^\s*(\/\*|\/\/|#) ?-{4,}[-\s]*[^\s-]/.test(line)) {
          if ([...line].length > WIDTH) say(`a banner of more than ${WIDTH} columns`);
          if (line.trim().startsWith('/*') && !line.trimEnd().endsWith('*/')) say('a banner that is broken over lines');
        } else if (/^\s*(\*?[\s-]*-{4,}\s*\*\/|(\/\/|#) ?-{4,})\s*$/.test(line))
          say('a banner that is broken over lines');
      });
  }
  return problems;
}

/** What a reader sees of a line of Markdown: links without their addresses, code without its text. */
const visible = (line) =>
  line.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/`[^`]*`/g, (code) => 'x'.repeat(code.length));

/** A line of a document ends at 120 columns, or holds one sentence; a cell of a table is a phrase. */
export function checkDocuments(tree) {
  const problems = [];
  for (const path of tree.list().filter((path) => path.endsWith('.md'))) {
    let fence = false;
    let written = false; // by a program, between <!-- NAME --> and <!-- /NAME -->
    tree
      .read(path)
      .split('\n')
      .forEach((line, i) => {
        if (/^\s*```/.test(line)) fence = !fence;
        if (/^<!-- \/?\w+ -->$/.test(line)) written = !line.includes('/');
        if (fence || written) return;
        const text = visible(line);
        if (/^\s*\|/.test(line)) {
          const long = text.split(/(?<!\\)\|/).filter((cell) => [...cell.trim()].length > CELL);
          for (const cell of long) problems.push(`${path}:${i + 1}: a cell of ${[...cell.trim()].length} characters`);
        } else if ([...text].length > WIDTH && /[.!?]['")*]*\s+["'(*[]*\p{Lu}/u.test(text.trim()))
          problems.push(`${path}:${i + 1}: ${[...text].length} columns and more than one sentence`);
      });
  }
  return problems;
}
