/**
 * What the documents say must hold: a C program that they show is the file that the tests compile, and every link to a
 * file of this repository leads somewhere.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const problems = [];

for (const file of ['README.md', 'docs/embedding.md']) {
  const text = readFileSync(file, 'utf8');
  const programs = [...text.matchAll(/<!-- program: (\S+) -->\s*```c\n([\s\S]*?)```/g)];
  if (programs.length === 0) problems.push(`${file}: no C program marked with <!-- program: FILE -->`);
  for (const [, source, shown] of programs) {
    if (!existsSync(source)) problems.push(`${file}: ${source} does not exist`);
    else if (readFileSync(source, 'utf8').trim() !== shown.trim())
      problems.push(`${file}: its C program differs from ${source}`);
  }
}

/* The table of what is where in C and in JavaScript names every file of both cores, and no other. */
const architecture = readFileSync('docs/architecture.md', 'utf8');
const [, table = ''] = /^## C and JavaScript$([\s\S]*?)^## /m.exec(architecture) ?? [];
for (const [folder, ending] of [
  ['client/core', '.c'],
  ['web/client/core', '.js'],
]) {
  const there = readdirSync(folder, { recursive: true })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith(ending));
  const named = [...table.matchAll(/`([\w/]+\.(?:c|js))`/g)]
    .map(([, file]) => file)
    .filter((file) => file.endsWith(ending));
  if (named.length === 0) problems.push(`docs/architecture.md: no table of ${folder}`);
  for (const file of there)
    if (!named.includes(file))
      problems.push(`docs/architecture.md: ${folder}/${file} is not in the table of C and JavaScript`);
  for (const file of named)
    if (!there.includes(file)) problems.push(`docs/architecture.md: ${folder}/${file} does not exist`);
}

const slug = (title) =>
  title
    .trim()
    .toLowerCase()
    .replace(/[`*]/g, '')
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replace(/ /g, '-');
const anchors = (file) =>
  [
    ...readFileSync(file, 'utf8')
      .replace(/```[\s\S]*?```/g, '')
      .matchAll(/^#+ (.*)$/gm),
  ].map((m) => slug(m[1]));
const files = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs')
    .filter((f) => f.endsWith('.md'))
    .map((f) => `docs/${f}`),
];
for (const file of files) {
  if (!existsSync(file)) {
    problems.push(`${file} is missing`);
    continue;
  }
  const text = readFileSync(file, 'utf8')
    .replace(/```[\s\S]*?```/g, '')
    .replace(/`[^`\n]*`/g, '');
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const whole = path ? join(dirname(file), path) : file;
    if (!existsSync(whole)) problems.push(`${file}: ${target} leads nowhere`);
    else if (anchor && whole.endsWith('.md') && !anchors(whole).includes(anchor))
      problems.push(`${file}: ${target} has no such heading`);
  }
}
if (problems.length) {
  console.log(problems.join('\n'));
  process.exit(1);
}
